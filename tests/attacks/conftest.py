"""The accounts of the product in this process, with confirmation of addresses, real mail and a clock to move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from accounts_world import World

from shared import clock


@pytest.fixture
def mail(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The start-up facts of the e-mail emulator."""
    return emulated["email"]


@pytest.fixture
def world(
    local: dict[str, str], change: Callable[..., None], mail: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> World:
    """Accounts whose addresses have to be confirmed."""
    change(EMAIL_CONNECTION=mail["connectionString"], EMAIL_SENDER=mail["sender"], TRUSTED_PROXY_HOPS="1")
    return World(mail, monkeypatch)


@pytest.fixture
def address() -> str:
    """An address that no other test uses."""
    return f"ada.{clock.new_id()}@example.com"
