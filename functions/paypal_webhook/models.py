"""Answers to PayPal."""

from __future__ import annotations

from typing import Literal

from shared.http.models import Answer


class Received(Answer):
    """The delivery is stored; what it means is found out later."""

    status: Literal["accepted", "seen"]
