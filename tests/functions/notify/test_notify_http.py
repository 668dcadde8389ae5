"""Notifications over HTTP: listed, marked, preferred; and the WebSocket that belongs to one user."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from over_http import refused, send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from demo.client import Client, Live
from emulators.stack import Stack

type Tell = Callable[..., Any]
type SignUp = Callable[..., Client]


def negotiate(client: Client, **params: Any) -> tuple[dict[str, Any], str]:
    where = client.call("GET", "notifications/negotiate", params=params)
    return where, parse_qs(urlsplit(where["url"]).query)["access_token"][0]


def test_the_list_is_newest_first_and_knows_what_was_read(teller: Tell, sign_up: SignUp) -> None:
    who, stranger = teller(), sign_up()
    keys = [who.announce() for _ in range(3)]
    for key in keys:
        who.outcome(key)
    first = who.client.call("GET", "notifications", params={"limit": 2})
    rest = who.client.call("GET", "notifications", params={"limit": 2, "continuation": first["continuation"]})
    assert [n["id"] for n in first["items"] + rest["items"]] == keys[::-1]
    assert rest["continuation"] is None
    assert {n["read"] for n in first["items"]} == {False}
    marked = who.client.call("PATCH", f"notifications/{keys[1]}", json={"read": True})
    assert (marked["id"], marked["read"]) == (keys[1], True)
    unread = who.client.call("GET", "notifications", params={"unread": "true"})["items"]
    assert [n["id"] for n in unread] == [keys[2], keys[0]]
    who.client.call("PATCH", f"notifications/{keys[1]}", json={"read": False})
    assert len(who.client.call("GET", "notifications", params={"unread": "true"})["items"]) == 3
    assert stranger.call("GET", "notifications")["items"] == []


def test_a_foreign_notification_is_a_missing_one(teller: Tell, sign_up: SignUp) -> None:
    who, stranger = teller(), sign_up()
    key = who.announce()
    problems = []
    for id in (key, "missing", "..%2fpreferences", f"{key}%00"):
        answer = send(stranger, "PATCH", f"notifications/{id}", json={"read": True})
        assert refused(answer) == (404, "notification_not_found")
        problems.append({k: v for k, v in answer.json().items() if k != "requestId"})
    assert all(problem == problems[0] for problem in problems)
    assert who.find(key)["read"] is False
    assert "sms" not in who.find(key)


def test_preferences_start_on_and_change_one_by_one(sign_up: SignUp) -> None:
    client = sign_up()
    assert client.call("GET", "notifications/preferences") == {"email": True, "sms": True, "websocket": True}
    assert client.call("PUT", "notifications/preferences", json={}) == {"email": True, "sms": True, "websocket": True}
    client.call("PUT", "notifications/preferences", json={"sms": False})
    seen = client.call("PUT", "notifications/preferences", json={"email": False, "websocket": None})
    assert seen == client.call("GET", "notifications/preferences") == {"email": False, "sms": False, "websocket": True}
    for bad in ({"sms": "no"}, {"sms": 0}, {"fax": True}, []):
        assert refused(send(client, "PUT", "notifications/preferences", json=bad))[0] == 422


def test_changes_of_preferences_at_once_all_hold(sign_up: SignUp) -> None:
    for _ in range(3):
        client = sign_up()
        with ThreadPoolExecutor(3) as pool:
            preferences = [{channel: False} for channel in ("email", "sms", "websocket")]
            list(pool.map(lambda w, c=client: c.call("PUT", "notifications/preferences", json=w), preferences))
        assert not any(client.call("GET", "notifications/preferences").values())


def test_the_token_is_for_the_caller_and_for_minutes(sign_up: SignUp) -> None:
    client = sign_up()
    for minutes in (1, 15):
        where, token = negotiate(client, minutes=minutes)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["sub"] == client.user["id"]
        assert abs(claims["exp"] - time.time() - minutes * 60) < 30
        assert where["expiresIn"] == minutes * 60
        assert not claims.get("role")
        assert not claims.get("webpubsub.group")
    for minutes in ("0", "16", "x", "1e1"):
        answer = send(client, "GET", "notifications/negotiate", params={"minutes": minutes})
        assert refused(answer) == (422, "invalid")


def test_only_a_true_and_living_token_opens_the_socket(stack: Stack, sign_up: SignUp) -> None:
    client, other = sign_up(), sign_up()
    where, token = negotiate(client)
    parts = dict(p.split("=", 1) for p in stack.providers["webpubsub"]["connectionString"].split(";") if p)
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode({**claims, "sub": other.user["id"]}, "not the key, but as long as one has to be")
    expired = jwt.encode({**claims, "exp": int(time.time()) - 1}, parts["AccessKey"])
    for bad in (forged, expired, token[:-2], ""):
        with pytest.raises(InvalidStatus) as caught:
            connect(where["url"].replace(token, bad), subprotocols=[where["subprotocol"]])
        assert caught.value.response.status_code == 401
    with connect(where["url"], subprotocols=[where["subprotocol"]]) as socket:
        assert client.user["id"] in str(socket.recv(timeout=10))


def test_a_page_gets_what_is_its_users_alone(teller: Tell) -> None:
    one, other = teller(), teller()
    page, stranger = Live(one.client), Live(other.client)
    key, later = one.announce(), other.announce()
    assert page.until(lambda m: m["type"] == "notification")["notificationId"] == key
    assert stranger.until(lambda m: m["type"] == "notification")["notificationId"] == later
    assert key not in str(stranger.messages)
    assert later not in str(page.messages)
    page.close()
    stranger.close()
