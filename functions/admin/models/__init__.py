"""Requests and answers of administration, by subject."""
