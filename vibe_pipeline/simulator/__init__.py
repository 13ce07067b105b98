"""The outside world over real HTTP, for the demo and for tests.

It knows nothing of our own code: a mistake shared with the clients would agree with itself.
"""
