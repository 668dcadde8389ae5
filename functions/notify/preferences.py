"""Which channels a user wants."""

from __future__ import annotations

from functions.notify.models import Preferences, PreferencesChange
from shared.documents import store

CONTAINER = "studio"
ID = "preferences"


def of(user_id: str) -> Preferences:
    """The user's choice; everything is on until they say otherwise."""
    saved = store().find(CONTAINER, ID, user_id)
    if saved is None:
        return Preferences()
    return Preferences(email=saved["email"], sms=saved["sms"], websocket=saved["websocket"])


def change(user_id: str, wanted: PreferencesChange) -> Preferences:
    """Switch the named channels."""
    merged = of(user_id).model_copy(update=wanted.model_dump(exclude_none=True))
    store().upsert(CONTAINER, {"id": ID, "userId": user_id, "type": "preferences", **merged.model_dump()})
    return merged
