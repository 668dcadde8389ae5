"""Accounts on a running stack: made by an administrator, or confirmed by the messages in the emulators' outboxes."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any

import requests

from demo.client import Client
from emulators.stack import ROOT, Stack
from emulators.with_parent import parent_pipe, python

SHOP = "default"
"""The shop whose products a new shopper finds."""
WAIT_S = 300
LINK = re.compile(r"#token=([0-9A-Za-z-]+\.[A-Za-z0-9_-]{43})")
CODE = re.compile(r"\b([0-9]{6})\b")
_administrators: dict[str, Client] = {}
_making = threading.Lock()


def administrator(stack: Stack) -> Client:
    """A signed-in administrator of the stack, made once with `./studio admin create`."""
    with _making:
        known = _administrators.get(stack.url) or _make_administrator(stack)
        _administrators[stack.url] = known
    return known


def _make_administrator(stack: Stack) -> Client:
    email, password = f"admin.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12)
    environment = {**os.environ, **stack.settings, "STUDIO_ADMIN_PASSWORD": password}
    command = python("cli", "admin", "create", "--email", email)
    subprocess.run(command, cwd=ROOT, env=environment, stdin=parent_pipe(), check=True, capture_output=True)
    return Client(stack.url).login(email, password)


def create_account(stack: Stack, role: str = "shopper", *, admin: Client | None = None, **fields: Any) -> Client:
    """A signed-in user whose address and phone number are confirmed; a seller is a member of `SHOP`.

    Args:
        admin: who makes the account; the administrator of the stack by default.
        fields: of `POST admin/users`, for example `email`, `phone` or `shop`.
    """
    made = {"email": f"{role}.{secrets.token_hex(6)}@example.com", "password": secrets.token_urlsafe(12), **fields}
    if role != "shopper":
        made.setdefault("shop", SHOP)
    (admin or administrator(stack)).call("POST", "admin/users", json={**made, "role": role})
    return Client(stack.url).login(made["email"], made["password"])


def confirm_email(stack: Stack, client: Client) -> str:
    """Open the link that was sent to a new user; returns the subject of the message."""
    message = outbox(stack, "email", client.user["email"], "Confirm")
    client.user = client.call("POST", "auth/me/email/confirm", json={"token": link_in(message)})
    return subject_of(message)


def confirm_phone(stack: Stack, client: Client) -> None:
    """Request a code by SMS and enter it."""
    client.call("POST", "auth/me/phone/code")
    message = outbox(stack, "sms", client.user["phone"], "is your code")
    found = CODE.search(str(message.get("body") or message.get("Body")))
    assert found, message
    client.user = client.call("POST", "auth/me/phone/confirm", json={"code": found[1]})


def outbox(stack: Stack, provider: str, *words: str) -> dict[str, Any]:
    """The latest message of a provider that has all the words in it, once there is one."""
    url = f"{stack.providers[provider]['url'].rstrip('/')}/_emulator/outbox"
    until = time.monotonic() + WAIT_S
    while True:
        messages: list[dict[str, Any]] = requests.get(url, timeout=10).json()["messages"]
        for message in reversed(messages):
            if all(word in str(message) for word in words):
                return message
        if time.monotonic() > until:
            raise TimeoutError(f"no message with {words} in the {provider} outbox, which holds {len(messages)}")
        time.sleep(0.1)


def link_in(message: Mapping[str, Any]) -> str:
    """The token of the link in an e-mail."""
    found = LINK.search(str(message))
    assert found, message
    return found[1]


def subject_of(message: Mapping[str, Any]) -> str:
    """The subject of an e-mail in the outbox."""
    return str(message.get("subject") or message.get("content", {}).get("subject", ""))
