"""The pictures in the documents, taken from the running demo: ``make screenshots``."""
