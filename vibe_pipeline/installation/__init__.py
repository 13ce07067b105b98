"""The installation on this machine: its home folder, who holds it, and how its processes do.

What every process of ours may need to know about the others, without knowing them. Not here:
starting and stopping processes (``commands``), and what the stores hold (``accounts``,
``warehouse``).
"""
