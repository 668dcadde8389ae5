"""Notifications: documents, texts, and messages to open pages. `functions/notify` sends them."""

from shared.notifications.announce import announce
from shared.notifications.push import close_connections, hub, push, push_job

__all__ = ["announce", "close_connections", "hub", "push", "push_job"]
