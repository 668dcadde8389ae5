"""A page of another site that wants to open a WebSocket as its visitor (cross-site WebSocket hijacking)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from demo.client import Client
from emulators.stack import Stack

type SignUp = Callable[..., Client]

ELSEWHERE = "https://evil.example.com"


def test_a_page_elsewhere_is_not_shown_the_url(stack: Stack, sign_up: SignUp) -> None:
    victim = sign_up()
    preflight = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "GET",
                 "Access-Control-Request-Headers": "authorization"}  # fmt: skip
    asked = requests.options(f"{victim.base}notifications/negotiate", headers=preflight, timeout=60)
    assert "Access-Control-Allow-Origin" not in asked.headers
    answer = victim.session.get(f"{victim.base}notifications/negotiate", headers={"Origin": ELSEWHERE}, timeout=60)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_listed")


@pytest.mark.parametrize("origin", ["null", "https://127.0.0.1.evil.example.com", "http://127.0.0.1@evil.example.com"])
def test_no_other_origin_is_given_a_url(sign_up: SignUp, origin: str) -> None:
    """Whatever token a page has: the service that the URL leads to would not ask where it is used."""
    victim = sign_up()
    answer = victim.session.get(f"{victim.base}notifications/negotiate", headers={"Origin": origin}, timeout=60)
    assert answer.status_code == 403


def test_listed_pages_and_programs_get_a_url_of_two_minutes(stack: Stack, sign_up: SignUp) -> None:
    victim = sign_up()
    listed = stack.settings["ALLOWED_ORIGINS"].split(",")[0]
    for headers in ({"Origin": listed}, {}):
        answer = victim.session.get(f"{victim.base}notifications/negotiate", headers=headers, timeout=60)
        assert answer.json()["expiresIn"] == 120


@pytest.mark.parametrize("cookie", ["access_token", "Authorization"])
def test_no_cookie_opens_a_socket(sign_up: SignUp, cookie: str) -> None:
    victim = sign_up()
    url = urlsplit(victim.call("GET", "notifications/negotiate")["url"])
    token = url.query.partition("access_token=")[2].partition("&")[0]
    assert token
    bare = url._replace(query="").geturl()
    with pytest.raises(InvalidStatus) as refused:
        connect(bare, origin=ELSEWHERE, additional_headers={"Cookie": f"{cookie}={token}"}, open_timeout=60)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 401
