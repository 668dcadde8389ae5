"""A small shop: models and a handler that remembers its runs, fails or waits as requested."""

from __future__ import annotations

import threading
from typing import Any

from pydantic import Field

from shared.http.endpoint import Call, Reply
from shared.http.models import Answer, Body, Query


class Order(Body):
    """A body with a field of each kind."""

    item: str = Field(max_length=20)
    pieces: int = Field(1, ge=1, le=9)
    weight: float | None = None
    gift: bool = False
    notes: list[Any] | None = None


class Search(Query):
    """A query with a number."""

    limit: int = Field(20, ge=1, le=100)


class Seen(Answer):
    """What the handler saw."""

    id: str
    item: str | None = None
    limit: int | None = None
    ip: str


class Shop:
    """The handlers, and what they did."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.started = threading.Event()
        self.fail: BaseException | None = None
        self.gate: threading.Event | None = None

    def handle(self, call: Call) -> Reply:
        gate = self.gate
        self.runs.append(call.new_id)
        self.started.set()
        if gate is not None:
            assert gate.wait(10)
        if self.fail is not None:
            raise self.fail
        seen = Seen(id=call.new_id, item=call.body.item, ip=call.ip)
        return Reply(seen, headers={"Location": f"/api/orders/{call.new_id}"})
