"""What a person likes, in step and summed up: library, seed profile, exclusions, outcomes.

The user model: reading the library with few calls, and concluding from it. Not here: what
candidates score by it (``ranking``), storage (``warehouse``), when it is refreshed (``defs``).
"""
