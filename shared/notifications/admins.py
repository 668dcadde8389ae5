"""Notifications for all administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.accounts.documents import AccountDocument, Role, accounts
from shared.documents import store
from shared.documents.fields import where
from shared.errors import BatchFailed, DocumentConflict
from shared.jobs import protocol
from shared.notifications.announce import announce


def notify_admins(event: str, key: str, data: Mapping[str, Any]) -> None:
    """Notify every administrator of an event, once for each key.

    Args:
        event: name of a template.
        key: what makes it unique; of the characters an id may have.
    """
    for admin in accounts.list(where(AccountDocument.role, "=", Role.ADMIN), limit=50, skip_unreadable=True).items:
        writes = announce(admin.id, event, key, data, request_id=None)
        try:
            store().batch(protocol.CONTAINER, admin.id, writes)
        except BatchFailed as failure:
            if not isinstance(failure.cause, DocumentConflict):
                raise
            continue
        protocol.enqueue_created(writes)
