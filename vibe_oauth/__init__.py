"""The way to Spotify and back, and the nightly trigger: a small web service."""
