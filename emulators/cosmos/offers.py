"""Offers: the throughput that was asked for a database or a container. They are kept, not enforced."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from emulators.cosmos.database import Database, dump
from emulators.cosmos.errors import BadRequest, NotFound
from emulators.cosmos.json_types import is_object


def throughput(headers: Mapping[str, str]) -> int | None:
    """The RU/s that the request for a new resource names; None without one.

    Raises:
        BadRequest: they are not a multiple of 100 from 400 on.
    """
    fixed, automatic = headers.get("x-ms-offer-throughput"), headers.get("x-ms-cosmos-offer-autopilot-settings")
    if automatic is not None:
        return _most(automatic) // 10
    if fixed is None:
        return None
    if not fixed.isdecimal() or int(fixed) < 400 or int(fixed) % 100:
        raise BadRequest("The offer should have valid throughput values from 400 on in steps of 100.")
    return int(fixed)


def _most(settings: str) -> int:
    """The most RU/s of automatic scaling. Raises `BadRequest`."""
    try:
        given = json.loads(settings)
    except ValueError:
        given = None
    most = given.get("maxThroughput", 4000) if is_object(given) else None
    if type(most) is not int or not 1000 <= most <= 1_000_000:
        raise BadRequest(f"Requested throughput {most} is less than required minimum throughput 1000.")
    return most


class Offers:
    """The offers of an account."""

    def __init__(self, data: Database) -> None:
        self._data = data

    def create(self, headers: Mapping[str, str], resource: str, resource_rid: str) -> None:
        """Keep the throughput that the request for a new resource names; none without one."""
        content: dict[str, Any] = {}
        asked = throughput(headers)
        automatic = headers.get("x-ms-cosmos-offer-autopilot-settings")
        if asked is not None:
            content["offerThroughput"] = asked
        if automatic is not None:
            content["offerAutopilotSettings"] = json.loads(automatic)
        if not content:
            return
        rid = uuid.uuid4().hex[:4]
        body = {
            "resource": resource, "offerType": "Invalid", "offerResourceId": resource_rid, "offerVersion": "V2",
            "content": content, "id": rid, "_rid": rid, "_self": f"offers/{rid}/", "_etag": f'"{uuid.uuid4()}"',
            "_ts": int(time.time()),
        }  # fmt: skip
        self._data.execute("INSERT OR REPLACE INTO offers VALUES (?, ?, ?)", rid, resource, dump(body))

    def all(self) -> list[dict[str, Any]]:
        """All of them."""
        return [json.loads(body) for (body,) in self._data.execute("SELECT body FROM offers")]

    def find(self, id: str) -> dict[str, Any]:
        """Raises `NotFound`."""
        row = self._data.execute("SELECT body FROM offers WHERE rid = ?", id).fetchone()
        if row is None:
            raise NotFound("Resource Not Found. The offer does not exist.")
        return json.loads(row[0])

    def replace(self, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Raises `NotFound`, `BadRequest`."""
        known = self.find(id)
        content = body.get("content")
        if not is_object(content):
            raise BadRequest("The offer has no content.")
        throughput = content.get("offerThroughput")
        if "offerAutopilotSettings" not in content and (not isinstance(throughput, int) or throughput < 400):
            raise BadRequest("The offer should have valid throughput values from 400 on in steps of 100.")
        made = {**known, "content": content, "_etag": f'"{uuid.uuid4()}"', "_ts": int(time.time())}
        self._data.execute("UPDATE offers SET body = ? WHERE rid = ?", dump(made), id)
        return made
