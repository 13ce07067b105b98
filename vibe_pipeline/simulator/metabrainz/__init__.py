"""The simulated ListenBrainz labs and MusicBrainz, and the house rules they share."""
