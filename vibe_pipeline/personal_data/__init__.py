"""All of one person's data in one file, and all of it gone: data portability and erasure.

Commands and assets call it. Not here: which rows are about a person, for each store knows its own.
"""
