"""Which channels a user wants."""

from __future__ import annotations

from contextlib import suppress

from functions.notify.models import Preferences, PreferencesChange
from shared.documents import store
from shared.errors import DocumentConflict

CONTAINER = "studio"
ID = "preferences"


def of(user_id: str) -> Preferences:
    """The user's choice; everything is on until they say otherwise."""
    saved = store().find(CONTAINER, ID, user_id)
    if saved is None:
        return Preferences()
    return Preferences(email=saved["email"], sms=saved["sms"], websocket=saved["websocket"])


def change(user_id: str, wanted: PreferencesChange) -> Preferences:
    """Switch the named channels, and no other: two changes at once both hold."""
    changes = wanted.model_dump(exclude_none=True)
    if not changes:
        return of(user_id)
    with suppress(DocumentConflict):
        fresh = {"id": ID, "userId": user_id, "type": "preferences", **Preferences().model_dump(), **changes}
        store().create(CONTAINER, fresh)
        return of(user_id)
    store().patch(CONTAINER, ID, user_id, set=changes)
    return of(user_id)
