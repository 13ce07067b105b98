"""The whole product against the simulator: one newcomer, one list, every promise checked.

It acts from outside, over HTTP, as a person would. Not here: the world it plays in (``simulator``),
starting and stopping processes (``commands.supervisor``).
"""
