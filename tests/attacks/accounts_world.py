"""Accounts over the registered functions, and what is sent to their owners."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
from http_calls import Answered, App

from shared import clock

PASSWORD = "correct horse battery"
LINK = re.compile(r"#token=([0-9A-Za-z-]+\.[A-Za-z0-9_-]{43})")
OWNER, STRANGER = "203.0.113.7", "198.51.100.66"
"""Networks of the owner of an account and of its attacker."""


class World:
    """Accounts over the registered functions, and what is sent to their owners."""

    def __init__(self, mail: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.call = App.of("auth")
        self._mail = mail
        self._patch = monkeypatch

    def register(self, email: str, password: str = PASSWORD, *, ip: str = STRANGER, **fields: Any) -> Answered:
        return self.call("auth_register", {"email": email, "password": password, **fields}, ip=ip)

    def login(self, email: str, password: str = PASSWORD, *, ip: str = OWNER, **fields: Any) -> Answered:
        return self.call("auth_login", {"email": email, "password": password, **fields}, ip=ip)

    def owner(self, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """An account whose address is confirmed, by the link that was sent: the answer of its registration."""
        made = self.register(email, password, ip=OWNER).body
        self.confirm(made)
        return made

    def confirm(self, made: dict[str, Any]) -> Answered:
        token = self.link(made["user"]["email"])
        return self.call("auth_email_confirm", {"token": token}, token=made["tokens"]["accessToken"])

    def deliver(self) -> None:
        """Run the worker of the `accounts` queue over all that is queued."""
        from functions.auth.worker import AccountMessageStep
        from shared.documents.fields import where
        from shared.jobs import protocol, queues
        from shared.jobs.consumer import consume
        from shared.jobs.models import Job, JobStatus

        waiting = (where(Job.queue, "=", queues.ACCOUNTS), where(Job.status, "=", JobStatus.QUEUED))
        for job in list(protocol.jobs.iterate(*waiting)):
            consume(json.dumps(protocol.pointer(job)), AccountMessageStep())

    def messages(self, email: str) -> list[dict[str, Any]]:
        """What was sent to an address, oldest first."""
        self.deliver()
        sent = requests.get(f"{self._mail['url']}/_emulator/outbox", timeout=10).json()["messages"]
        return [message for message in sent if email in json.dumps(message)]

    def link(self, email: str) -> str:
        """The token of the last link that was sent to an address."""
        found = [LINK.search(json.dumps(message)) for message in self.messages(email)]
        return [match[1] for match in found if match][-1]

    def pass_time(self, seconds: float) -> None:
        """Move the clock of this process."""
        at = clock.now() + seconds
        self._patch.setattr(clock, "now", lambda: at)
