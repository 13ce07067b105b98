"""The simulated Last.fm, with all the seams its API shows."""
