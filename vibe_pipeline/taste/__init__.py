"""What a person likes, in step and summed up: library, seed profile, exclusions, outcomes."""
