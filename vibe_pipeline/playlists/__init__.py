"""A list from request to publication: build, resolve, publish, restore, replay. No Dagster here."""
