"""Which channels a user wants."""

from __future__ import annotations

from contextlib import suppress

from functions.notify.models import Preferences, PreferencesChange
from shared.documents.fields import Change, assign
from shared.errors import DocumentConflict
from shared.notifications import unreachable
from shared.notifications.documents import Channel, PreferencesDocument, preferences


def get_preferences(user_id: str) -> Preferences:
    """The user's choice; everything is on until they change it."""
    stored = preferences.find(PreferencesDocument.ID, user_id)
    return Preferences() if stored is None else Preferences.of(stored)


def update_preferences(user_id: str, request: PreferencesChange) -> Preferences:
    """Switch the named channels, and no other: two concurrent changes both hold.

    Switching a channel on also tries an address again that could not receive.
    """
    switched = {Channel(name): on for name, on in request.model_dump(exclude_none=True).items()}
    if not switched:
        return get_preferences(user_id)
    for channel, on in switched.items():
        if on:
            unreachable.forget(user_id, channel)
    with suppress(DocumentConflict):
        return Preferences.of(preferences.create(PreferencesDocument(user_id=user_id, **switched)))
    fields = {
        Channel.EMAIL: PreferencesDocument.email,
        Channel.SMS: PreferencesDocument.sms,
        Channel.WEBSOCKET: PreferencesDocument.websocket,
    }
    changes: list[Change] = [assign(fields[channel], on) for channel, on in switched.items()]
    return Preferences.of(preferences.patch(PreferencesDocument.ID, user_id, *changes))


def is_wanted(user_id: str, channel: Channel) -> bool:
    """Whether the user has the channel switched on."""
    choice = get_preferences(user_id)
    return {
        Channel.EMAIL: choice.email, Channel.SMS: choice.sms, Channel.WEBSOCKET: choice.websocket,
    }[channel]  # fmt: skip
