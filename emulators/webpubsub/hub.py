"""Connections with their groups and permissions, and deliveries to them."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SUBPROTOCOL = "json.webpubsub.azure.v1"


@dataclass
class Data:
    """A payload: `kind` is json, text or binary; `value` the decoded JSON, the text or the bytes."""

    kind: str
    value: Any

    def framed(self) -> Any:
        """The payload as the JSON subprotocol carries it."""
        return base64.b64encode(self.value).decode() if self.kind == "binary" else self.value

    def loggable(self) -> Any:
        """The payload for the message log."""
        return f"{len(self.value)} bytes" if self.kind == "binary" else self.value


@dataclass(eq=False)
class Connection:
    """One WebSocket client of a hub."""

    id: str
    hub: str
    user: str | None
    socket: web.WebSocketResponse
    roles: set[str]
    groups: set[str] = field(default_factory=set[str])
    acks: set[int] = field(default_factory=set[int])

    @property
    def framed(self) -> bool:
        """Whether the client speaks the JSON subprotocol."""
        return self.socket.ws_protocol == SUBPROTOCOL

    def may(self, permission: str, group: str) -> bool:
        """Whether the role covers `joinLeaveGroup` or `sendToGroup` for this group."""
        return bool({f"webpubsub.{permission}", f"webpubsub.{permission}.{group}"} & self.roles)

    async def frame(self, message: dict[str, Any]) -> None:
        """Send one subprotocol frame; plain clients get none."""
        if self.framed:
            await self._send(self.socket.send_str, json.dumps(message))

    async def deliver(self, data: Data, origin: dict[str, Any]) -> None:
        """Send a payload: wrapped with its origin under the subprotocol, else as it is."""
        if self.framed:
            await self.frame({"type": "message", **origin, "dataType": data.kind, "data": data.framed()})
        elif data.kind == "binary":
            await self._send(self.socket.send_bytes, data.value)
        else:
            text = data.value if data.kind == "text" else json.dumps(data.value)
            await self._send(self.socket.send_str, text)

    async def _send(self, send: Callable[[Any], Awaitable[None]], payload: Any) -> None:
        # A client that has just disconnected must not fail the sender.
        with contextlib.suppress(ConnectionError):
            if not self.socket.closed:
                await send(payload)

    async def close(self, reason: str) -> None:
        """Close the connection; framed clients get the reason."""
        if not self.socket.closed:
            await self.frame({"type": "system", "event": "disconnected", "message": reason})
            await self.socket.close(code=1008 if reason == TOKEN_EXPIRED else 1000, message=reason.encode()[:120])


TOKEN_EXPIRED = "The access token has expired."


class Hubs:
    """All connections of all hubs."""

    def __init__(self) -> None:
        self._connections: dict[tuple[str, str], Connection] = {}

    def add(self, connection: Connection) -> None:
        """Add a connection."""
        self._connections[connection.hub, connection.id] = connection

    def drop(self, connection: Connection) -> None:
        """Remove a closed connection, with its groups."""
        self._connections.pop((connection.hub, connection.id), None)

    def find(
        self, hub: str, *, id: str | None = None, user: str | None = None, group: str | None = None
    ) -> list[Connection]:
        """The hub's connections that match all given values."""
        return [
            one
            for one in self._connections.values()
            if one.hub == hub
            and id in (None, one.id)
            and user in (None, one.user)
            and (group is None or group in one.groups)
        ]

    def all(self) -> list[Connection]:
        """Every connection of every hub."""
        return list(self._connections.values())
