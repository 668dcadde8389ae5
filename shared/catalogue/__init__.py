"""Products: what the catalogue writes, and search, privacy and others read."""
