"""The music and listeners the simulated services tell of: invented, or read from real listening."""
