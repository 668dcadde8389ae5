"""Addresses and numbers that can't receive: remembered with the user's preferences, and not tried again until the user
changes them or switches the channel on again."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from shared import clock, telemetry
from shared.documents.fields import assign
from shared.errors import DocumentConflict, PreconditionFailed
from shared.notifications.documents import Channel, PreferencesDocument, UnreachableAddress, preferences

WRITE_ATTEMPTS = 5


def hash_of(address: str) -> str:
    """What is stored of an address or a number."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def find(user_id: str, channel: Channel, address: str) -> str | None:
    """Why an address of the user can't receive; None if nothing is known against it."""
    stored = preferences.find(PreferencesDocument.ID, user_id)
    known = stored.unreachable.get(channel) if stored is not None else None
    return known.code if known is not None and known.address_hash == hash_of(address) else None


def remember(user_id: str, channel: Channel, address_hash: str, code: str) -> None:
    """Remember that an address can't receive."""
    entry = UnreachableAddress(address_hash=address_hash, code=code, at=clock.iso())
    _change(user_id, channel, entry)
    telemetry.count("studio_unreachable_addresses", channel=channel, code=code)


def forget(user_id: str, channel: Channel) -> None:
    """Try the user's address again."""
    stored = preferences.find(PreferencesDocument.ID, user_id)
    if stored is not None and channel in stored.unreachable:
        _change(user_id, channel, None)


def _change(user_id: str, channel: Channel, entry: UnreachableAddress | None) -> None:
    for _ in range(WRITE_ATTEMPTS):
        with suppress(DocumentConflict):
            if preferences.find(PreferencesDocument.ID, user_id) is None:
                preferences.create(PreferencesDocument(user_id=user_id))
        current = preferences.get(PreferencesDocument.ID, user_id)
        others = {name: known for name, known in current.unreachable.items() if name is not channel}
        changed = others if entry is None else {**others, channel: entry}
        with suppress(PreconditionFailed):
            preferences.patch(
                current.id, user_id, assign(PreferencesDocument.unreachable, changed), etag=current.etag
            )  # fmt: skip
            return
