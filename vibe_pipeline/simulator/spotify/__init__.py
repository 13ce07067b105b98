"""The simulated Spotify: accounts, consent, Web API. Shares no code with our clients."""
