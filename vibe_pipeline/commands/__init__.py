"""What the shell runs: each module is one command of ``vibe``, or what it needs.

Arguments, exit codes and what is printed. Not here: what a command does for people (erasing,
replaying), which belongs to the room of its subject; ``demo`` and ``evaluation`` keep their own.
"""
