"""The WebSocket side: what a client's frames do under `json.webpubsub.azure.v1`.

Protocol: learn.microsoft.com/azure/azure-web-pubsub/reference-json-webpubsub-subprotocol.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from aiohttp import WSMsgType

from emulators.webpubsub.hub import Connection, Data, Hubs


class NotAllowed(Exception):
    """The role for the group is missing."""


async def listen(connection: Connection, hubs: Hubs) -> None:
    """Serve one client until it closes. Frames of a plain client go nowhere: there is no event handler."""
    async for message in connection.socket:
        if message.type is not WSMsgType.TEXT or not connection.framed:
            continue
        try:
            frame = json.loads(message.data)
            kind = frame["type"]
        except (ValueError, KeyError, TypeError):
            await connection.close("Invalid payload.")
            return
        if kind == "ping":
            await connection.frame({"type": "pong"})
        else:
            await _acknowledged(connection, hubs, frame)


async def _acknowledged(connection: Connection, hubs: Hubs, frame: dict[str, Any]) -> None:
    ack = frame.get("ackId")
    failure: dict[str, str] | None = None
    if ack is not None and ack in connection.acks:
        failure = {"name": "Duplicate", "message": f"Message with ack-id: {ack} has been processed"}
    else:
        if ack is not None:
            connection.acks.add(ack)
        try:
            await _done(connection, hubs, frame)
        except NotAllowed as refused:
            failure = {"name": "Forbidden", "message": str(refused)}
        except (KeyError, TypeError, ValueError, binascii.Error) as wrong:
            failure = {"name": "InternalServerError", "message": f"Invalid request: {wrong}"}
    if ack is not None:
        result: dict[str, Any] = {"type": "ack", "ackId": ack, "success": failure is None}
        await connection.frame(result if failure is None else result | {"error": failure})


async def _done(connection: Connection, hubs: Hubs, frame: dict[str, Any]) -> None:
    kind = frame["type"]
    if kind == "event":
        raise ValueError("no event handler is configured")
    if kind not in ("joinGroup", "leaveGroup", "sendToGroup"):
        raise ValueError(f"unknown type {kind}")
    group = frame["group"]
    if not isinstance(group, str) or not group:
        raise ValueError("group must be a name")
    permission = "sendToGroup" if kind == "sendToGroup" else "joinLeaveGroup"
    if not connection.may(permission, group):
        raise NotAllowed(f"The client does not have permission to {permission} for {group}")
    if kind == "joinGroup":
        connection.groups.add(group)
    elif kind == "leaveGroup":
        connection.groups.discard(group)
    else:
        data = _data(frame)
        origin = {"from": "group", "fromUserId": connection.user, "group": group}
        for other in hubs.find(connection.hub, group=group):
            if other is not connection or not frame.get("noEcho"):
                await other.deliver(data, origin)


def _data(frame: dict[str, Any]) -> Data:
    value = frame["data"]
    kind = frame.get("dataType") or ("text" if isinstance(value, str) else "json")
    if kind == "binary":
        return Data("binary", base64.b64decode(value, validate=True))
    if kind == "text" and not isinstance(value, str):
        raise ValueError("text data must be a string")
    return Data(kind, value)
