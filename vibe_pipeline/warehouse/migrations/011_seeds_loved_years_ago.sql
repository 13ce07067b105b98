-- The year in which a seed was played most, where years long past speak loudest for it.

ALTER TABLE seed_profile ADD COLUMN loved_in INTEGER;
