"""Azure Web PubSub: its data-plane REST API and its WebSocket endpoint, hubs made on first use."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from emulators.faults import Fault, retry_after
from emulators.server import Emulator, answer
from emulators.webpubsub.client import listen
from emulators.webpubsub.filters import UnsupportedFilter, matching
from emulators.webpubsub.hub import SUBPROTOCOL, TOKEN_EXPIRED, Connection, Data, Hubs
from emulators.webpubsub.tokens import InvalidToken, string_set, verify_token

STATUS_MODES = {"429": "TooManyRequests", "500": "InternalServerError", "503": "ServiceUnavailable"}
type Rest = Callable[[web.Request, str], Awaitable[web.StreamResponse]]


class WebPubSub(Emulator):
    """The REST calls of azure-messaging-webpubsubservice and `/client/hubs/{hub}`.

    Further fault modes: 429, 500, 503 for REST calls (`on` = "rest") and for new connections
    (`on` = "connect"); `match` is looked for in the path and the body.
    """

    name = "webpubsub"
    modes = tuple(STATUS_MODES)
    largest_body = 2 * 1024 * 1024

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.hubs = Hubs()
        self.messages: deque[dict[str, Any]] = deque(maxlen=5000)

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--key", default="emulated-web-pubsub-access-key-0123456789", help="the access key")

    def routes(self) -> Iterable[web.RouteDef]:
        hub, rest = "/api/hubs/{hub}", self._rest
        scopes = ("", "/users/{user}", "/groups/{group}", "/connections/{id}")
        member = "/groups/{group}/connections/{id}"
        allowed = "/permissions/{permission}/connections/{id}"
        return [
            *(web.post(f"{hub}{scope}/:send", rest(self.send)) for scope in scopes),
            *(web.post(f"{hub}{scope}/:closeConnections", rest(self.close)) for scope in scopes),
            *(web.head(f"{hub}{scope}", rest(self.exists)) for scope in scopes if scope),
            web.delete(f"{hub}/connections/{{id}}", rest(self.close)),
            web.get(f"{hub}/groups/{{group}}/connections", rest(self.members)),
            *(web.put(f"{hub}{path}", rest(self.join)) for path in (member, "/users/{user}/groups/{group}")),
            *(web.delete(f"{hub}{path}", rest(self.leave)) for path in (member, "/users/{user}/groups/{group}")),
            *(web.delete(f"{hub}/{one}/groups", rest(self.leave)) for one in ("users/{user}", "connections/{id}")),
            web.put(hub + allowed, rest(partial(self.permit, True))),
            web.delete(hub + allowed, rest(partial(self.permit, False))),
            web.head(hub + allowed, rest(self.permitted)),
            web.get("/client/hubs/{hub}", self.connect),
            web.get("/_emulator/messages", self.list_messages),
            web.get("/_emulator/connections", self.list_connections),
        ]

    def facts(self, url: str) -> dict[str, Any]:
        return {
            "accessKey": self.key,
            "connectionString": f"Endpoint={url};AccessKey={self.key};Version=1.0;",
            "clientUrl": f"ws{url.removeprefix('http')}/client/hubs/",
        }

    def reset(self) -> None:
        super().reset()
        self.messages.clear()

    async def stopping(self) -> None:
        reason = "The service is shutting down."
        await asyncio.gather(*(connection.close(reason) for connection in self.hubs.all()))

    def status_answer(self, fault: Fault) -> web.Response | None:
        if fault.mode not in STATUS_MODES:
            return None
        return _error(int(fault.mode), STATUS_MODES[fault.mode], "A planned fault.", retry_after(fault))

    def _rest(self, handler: Rest) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def checked(request: web.Request) -> web.StreamResponse:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            try:
                verify_token(token, self.key, f"http://{request.host}{request.raw_path}")
            except InvalidToken as refused:
                request["entry"]["problem"] = str(refused)
                return _error(401, "Unauthorized", str(refused))
            if early := await self._faulted(request, "rest"):
                return early
            return await handler(request, request.match_info["hub"])

        return checked

    async def _faulted(self, request: web.Request, operation: str) -> web.StreamResponse | None:
        body = await request.text() if "octet-stream" not in request.content_type else ""
        _, early = await self.early_answer(request, operation, f"{request.path}\n{body}")
        return early

    def _addressed(self, request: web.Request, hub: str) -> list[Connection]:
        where = request.match_info
        found = self.hubs.find(hub, id=where.get("id"), user=where.get("user"), group=where.get("group"))
        excluded = request.query.getall("excluded", [])
        return [one for one in found if one.id not in excluded]

    async def send(self, request: web.Request, hub: str) -> web.StreamResponse:
        """Push a payload to a user, a group, a connection or all; 202 even if there is no connection."""
        try:
            data = await _payload(request)
            targets = matching(self._addressed(request, hub), request.query.get("filter"))
        except (ValueError, UnsupportedFilter) as wrong:
            return _error(400, "BadRequest", str(wrong))
        group = request.match_info.get("group")
        origin: dict[str, Any] = {"from": "server"} if group is None else {"from": "group", "group": group}
        where = {key: value for key, value in request.match_info.items() if key != "hub"}
        entry = {
            "at": datetime.now(UTC).isoformat(),
            "hub": hub,
            "target": next(iter(where), "all"),
            **where,
            "dataType": data.kind,
            "data": data.loggable(),
            "delivered": len(targets),
        }
        self.messages.append(entry)
        for connection in targets:
            await connection.deliver(data, origin)
        return web.Response(status=202)

    async def close(self, request: web.Request, hub: str) -> web.StreamResponse:
        """Close the addressed connections."""
        for connection in self._addressed(request, hub):
            await connection.close(request.query.get("reason", "Closed by the server."))
        return web.Response(status=204)

    async def exists(self, request: web.Request, hub: str) -> web.StreamResponse:
        """200 if a connection is addressed, else 404."""
        return web.Response(status=200 if self._addressed(request, hub) else 404)

    async def members(self, request: web.Request, hub: str) -> web.StreamResponse:
        """The connections of a group, all in one page."""
        found = self._addressed(request, hub)[: int(request.query.get("top", "1000"))]
        return answer({"value": [{"connectionId": one.id, "userId": one.user} for one in found]})

    async def join(self, request: web.Request, hub: str) -> web.StreamResponse:
        """Put a connection, or all of a user's, into a group; 404 for an unknown connection."""
        where = request.match_info
        found = self.hubs.find(hub, id=where.get("id"), user=where.get("user"))
        for connection in found:
            connection.groups.add(where["group"])
        return web.Response(status=200 if found or "user" in where else 404)

    async def leave(self, request: web.Request, hub: str) -> web.StreamResponse:
        """Take a connection or a user out of one group, or of all."""
        where = request.match_info
        for connection in self.hubs.find(hub, id=where.get("id"), user=where.get("user")):
            connection.groups -= {where["group"]} if "group" in where else set(connection.groups)
        return web.Response(status=204)

    async def permit(self, granted: bool, request: web.Request, hub: str) -> web.StreamResponse:
        """Grant or revoke `joinLeaveGroup` or `sendToGroup`, for one group (`targetName`) or all."""
        found = self._addressed(request, hub)
        for connection in found:
            (connection.roles.add if granted else connection.roles.discard)(_role(request))
        return web.Response(status=404 if not found else 200 if granted else 204)

    async def permitted(self, request: web.Request, hub: str) -> web.StreamResponse:
        """200 when the permission is held, else 404."""
        held = any(_role(request) in connection.roles for connection in self._addressed(request, hub))
        return web.Response(status=200 if held else 404)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """A client's WebSocket: 401 before the upgrade without a good token, closed when it expires."""
        hub = request.match_info["hub"]
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            token = request.query.get("access_token") or bearer
            claims = verify_token(token, self.key, f"http://{request.host}/client/hubs/{hub}")
        except InvalidToken as refused:
            request["entry"]["problem"] = str(refused)
            return _error(401, "Unauthorized", str(refused))
        if early := await self._faulted(request, "connect"):
            return early
        # `timeout` is how long a close waits for the client to agree.
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), timeout=1.0, max_msg_size=1024 * 1024)
        await socket.prepare(request)
        roles, groups = string_set(claims.get("role")), string_set(claims.get("webpubsub.group"))
        connection = Connection(secrets.token_urlsafe(16), hub, claims.get("sub"), socket, roles, groups)
        self.hubs.add(connection)
        expiry = asyncio.create_task(_expire(connection, float(claims["exp"])))
        request["entry"] |= {"status": 101, "user": connection.user, "connectionId": connection.id}
        try:
            hello = {"type": "system", "event": "connected"}
            await connection.frame(hello | {"userId": connection.user, "connectionId": connection.id})
            await listen(connection, self.hubs)
        finally:
            expiry.cancel()
            self.hubs.drop(connection)
        return socket

    async def list_messages(self, request: web.Request) -> web.Response:
        """The pushes that came over REST, oldest first; `?user=`, `?group=` and `?hub=` narrow them."""
        wanted = {key: request.query[key] for key in ("user", "group", "hub") if key in request.query}
        return answer({"messages": [one for one in self.messages if wanted.items() <= one.items()]})

    async def list_connections(self, request: web.Request) -> web.Response:
        """Who is connected."""
        shown = [
            {
                "hub": one.hub,
                "user": one.user,
                "connectionId": one.id,
                "groups": sorted(one.groups),
                "subprotocol": one.socket.ws_protocol,
            }
            for one in self.hubs.all()
        ]
        return answer({"connections": shown})


async def _expire(connection: Connection, at: float) -> None:
    await asyncio.sleep(max(at - time.time(), 0))
    await connection.close(TOKEN_EXPIRED)


async def _payload(request: web.Request) -> Data:
    raw = await request.read()
    match request.content_type:
        case "application/json":
            return Data("json", json.loads(raw))
        case "text/plain":
            return Data("text", raw.decode())
        case "application/octet-stream":
            return Data("binary", raw)
        case other:
            raise ValueError(f"the content type {other} is not supported")


def _role(request: web.Request) -> str:
    group = request.query.get("targetName")
    return f"webpubsub.{request.match_info['permission']}{'.' + group if group else ''}"


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return answer({"error": {"code": code, "message": message}}, status=status, headers=headers)
