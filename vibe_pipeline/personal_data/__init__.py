"""All of one person's data in one file, and all of it gone. Commands and assets call it."""
