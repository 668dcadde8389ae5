"""Watching on after the owner has signed out: the sockets that are open, and the URLs that open others."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

import pytest
from over_http import send
from quick import eventually
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from demo.client import Client

type SignUp = Callable[..., Client]


@pytest.mark.parametrize("act", ["everywhere", "password"])
def test_a_thief_s_socket_closes_and_the_old_url_hears_nothing(inside: object, sign_up: SignUp, act: str) -> None:
    from shared.notifications.push import push

    email, password = f"ws.{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(12)
    owner = sign_up(email=email, password=password)
    stolen = owner.call("GET", "notifications/negotiate")
    protocols = [stolen["subprotocol"]]
    with connect(stolen["url"], subprotocols=protocols, open_timeout=60) as open_before:
        assert json.loads(open_before.recv(timeout=60))["event"] == "connected"
        if act == "everywhere":
            assert send(owner, "POST", "auth/logout", json={"everywhere": True}).status_code == 204
        else:
            body = {"password": {"current": password, "new": f"new {password}"}}
            assert send(owner, "PATCH", "auth/me", json=body).status_code == 200

        def closed() -> bool:
            try:
                open_before.recv(timeout=0.2)
            except ConnectionClosed:
                return True
            except TimeoutError:
                return False
            return False

        assert eventually(closed, "the end of the open socket")
    again = Client(owner.base.removesuffix("/api/")).login(
        email, password if act == "everywhere" else f"new {password}"
    )
    fresh = again.call("GET", "notifications/negotiate")
    with (
        connect(stolen["url"], subprotocols=protocols, open_timeout=60) as thief,
        connect(fresh["url"], subprotocols=protocols, open_timeout=60) as mine,
    ):
        for socket in (thief, mine):
            assert json.loads(socket.recv(timeout=60))["event"] == "connected"
        push(owner.user["id"], {"type": "secret", "id": "1"})
        # What the owner has received was sent to everyone it would be sent to.
        assert json.loads(mine.recv(timeout=60))["data"]["type"] == "secret"
        with pytest.raises(TimeoutError):
            thief.recv(timeout=1)
