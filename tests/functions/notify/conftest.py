"""Notifications announced behind the API, by the product's own code, on the shared stack."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from quick import eventually

from demo.client import Client
from emulators.stack import Stack
from shared.notifications.documents import NotifyJob, notify_jobs


class Teller:
    """Announces to a user and looks how it went."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.user_id: str = client.user["id"]

    def announce(self, *, first: dict[str, dict[str, Any]] | None = None, event: str = "conversion.completed") -> str:
        """Make a notification and send its jobs; `first` changes a channel's job before. Returns its key."""
        from shared.documents import Create, store
        from shared.jobs import protocol
        from shared.notifications.announce import announce

        key = f"n{secrets.token_hex(8)}"
        data = {"conversionId": key, "seconds": 1.5, "reason": "<b>It's late</b>."}
        operations = announce(self.user_id, event, key, data, request_id=None)
        made = [operation.item for operation in operations if isinstance(operation, Create)]
        jobs = [item for item in made if item["type"] == "job"]
        record = next(item for item in made if item["type"] == "notification")
        changed = [{**job, **(first or {}).get(job["payload"]["channel"], {})} for job in jobs]
        store().batch("studio", self.user_id, [Create(record), *(Create(job) for job in changed)])
        for job in changed:
            protocol.enqueue(protocol.jobs.load(job))
        return key

    def find(self, key: str) -> dict[str, Any]:
        return next(n for n in self.client.call("GET", "notifications")["items"] if n["id"] == key)

    def outcome(self, key: str) -> dict[str, tuple[str, str | None]]:
        """Status and reason of each channel, once all have ended."""

        def look() -> dict[str, tuple[str, str | None]] | None:
            states = self.find(key)["channels"]
            if any(state["status"] == "pending" for state in states.values()):
                return None
            return {name: (state["status"], state.get("reason")) for name, state in states.items()}

        return eventually(look, f"the end of {key}")

    def job(self, key: str, channel: str) -> NotifyJob:
        return notify_jobs.get(f"job:notify-{key}-{channel}", self.user_id)


@pytest.fixture
def teller(inside: Stack, sign_up: Callable[..., Client]) -> Callable[..., Teller]:
    """Signs up a user and gives what tells them something: `teller(phone=None)`."""

    def make(**fields: Any) -> Teller:
        return Teller(sign_up(**fields))

    return make
