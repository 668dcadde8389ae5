"""What has to be true once conversions are over, however hard it was: each made, counted and announced once."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Set
from typing import Any

import requests
from PIL import Image

from emulators.stack import Stack
from shared.documents import DocumentStore, Where
from shared.jobs.models import OPEN


def picture(colour: str) -> bytes:
    """A small photo."""
    buffer = io.BytesIO()
    Image.new("RGB", (48, 64), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def outbox(stack: Stack, provider: str, path: str = "outbox") -> list[dict[str, Any]]:
    """What an emulated provider has been asked to send."""
    answer = requests.get(f"{stack.providers[provider]['url']}/_emulator/{path}", timeout=10).json()
    return answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list))


def count_completed(store: DocumentStore, user: str) -> int:
    """Conversions of a user that are complete."""
    return store.count("studio", Where("type", "=", "tryon_job"), Where("status", "=", "completed"), partition=user)


def count_unfinished(store: DocumentStore) -> int:
    """Jobs of all users that are not over, notifications among them."""
    return store.count("studio", Where("type", "=", "job"), Where("status", "in", list(OPEN)))


def check_each_once(stack: Stack, store: DocumentStore, user: str, ids: Set[str]) -> None:
    """Conversions with these ids, which are all the user has, left what they should, and once."""
    assert count_completed(store, user) == len(ids), "lost"
    assert count_unfinished(store) == 0, "a notification is still on its way"
    quota = store.query("studio", Where("type", "=", "quota"), partition=user).items[0]
    assert quota["used"] == len(ids), "quota"
    results = store.count("studio", Where("type", "=", "file"), Where("kind", "=", "result"), partition=user)
    assert results == len(ids), "result images"
    notifications = store.count("studio", Where("type", "=", "notification"), partition=user)
    assert notifications == len(ids), "notifications"
    for provider in ("email", "sms"):
        sent = Counter(json.dumps(message).split("/conversions/")[1][:26] for message in outbox(stack, provider))
        assert set(sent) <= ids
        assert set(sent.values()) == {1}, f"{provider}: sent twice"
        if provider == "email":
            assert set(sent) == ids, "an e-mail is missing"
    pushed = [m for m in outbox(stack, "webpubsub", "messages") if "conversion.completed" in json.dumps(m)]
    assert len({_message_id(m) for m in pushed}) == len(ids), "WebSocket: a page sees each once, by its id"


def _message_id(message: dict[str, Any]) -> str:
    return json.dumps(message).split('"id": "notify-')[1].split('"')[0]
