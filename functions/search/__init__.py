"""Fashion search: by picture, by words, by both."""
