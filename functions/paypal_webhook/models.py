"""Answers to PayPal."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.http.models import Answer


class Received(Answer):
    """The delivery is stored; the event is handled in the background."""

    status: Literal["accepted", "seen"] = Field(description="`seen`: the event was stored before")
