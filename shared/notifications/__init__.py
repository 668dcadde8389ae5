"""Notifications: documents, texts, and messages to open pages. `functions/notify` sends them."""
