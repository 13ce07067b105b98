-- The exponent by which plays faded in a profile; unknown for those of former releases.

ALTER TABLE seed_profile ADD COLUMN play_decay DOUBLE;
