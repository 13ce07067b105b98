"""What the shell runs: each module is one command or what it needs."""
