"""The SMS emulator driven by the real twilio SDK."""

import itertools
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

pytestmark = pytest.mark.processes

_numbers = itertools.count(15551230000)


@pytest.fixture(scope="module")
def sms(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return emulated["sms"]


@pytest.fixture(scope="module")
def client(sms) -> Client:
    return client_for(sms, sms["authToken"])


def client_for(facts: dict[str, Any], token: str) -> Client:
    client = Client(facts["accountSid"], token, http_client=TwilioHttpClient(timeout=5))
    client.api.base_url = facts["url"]
    return client


def number() -> str:
    return f"+{next(_numbers)}"


def outbox(facts: dict[str, Any], to: str) -> list[dict[str, Any]]:
    return requests.get(f"{facts['url']}/_emulator/outbox", params={"to": to}, timeout=5).json()["messages"]


def fault(facts: dict[str, Any], mode: str, match: str, **more: Any) -> None:
    body = {"mode": mode, "match": match, **more}
    assert requests.post(f"{facts['url']}/_emulator/faults", json=body, timeout=5).status_code == 201


def test_queues_a_message_that_is_delivered_later(sms, client):
    to = number()
    message = client.messages.create(to=to, from_=sms["sender"], body="Your look is ready")
    assert message.sid.startswith("SM") and message.status == "queued" and message.num_segments == "1"
    assert message.error_code is None
    assert [client.messages(message.sid).fetch().status for _ in range(3)] == ["sent", "delivered", "delivered"]
    assert [one["body"] for one in outbox(sms, to)] == ["Your look is ready"]


@pytest.mark.parametrize(
    ("body", "segments"),
    [("a" * 160, "1"), ("a" * 161, "2"), ("€" * 80, "1"), ("я" * 70, "1"), ("я" * 71, "2")],
)
def test_counts_segments(sms, client, body, segments):
    assert client.messages.create(to=number(), from_=sms["sender"], body=body).num_segments == segments


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("12345", 21211),
        ("+0123456789", 21211),
        ("+15005550001", 21211),
        ("+15005550004", 21610),
        ("+15005550009", 21614),
    ],
)
def test_refuses_numbers_for_good(sms, client, to, code):
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=to, from_=sms["sender"], body="x")
    assert (caught.value.status, caught.value.code) == (400, code)
    assert outbox(sms, to) == []


def test_refuses_an_empty_and_a_too_long_body(sms, client):
    for body, code in (("", 21602), ("x" * 1601, 21617)):
        with pytest.raises(TwilioRestException) as caught:
            client.messages.create(to=number(), from_=sms["sender"], body=body)
        assert caught.value.code == code


def test_wants_the_account_and_its_token(sms):
    with pytest.raises(TwilioRestException) as caught:
        client_for(sms, "wrong").messages.create(to=number(), from_=sms["sender"], body="x")
    assert (caught.value.status, caught.value.code) == (401, 20003)


@pytest.mark.parametrize(("mode", "code"), [("429", 20429), ("500", 20500), ("503", 20503)])
def test_faults_pass(sms, client, mode, code):
    to = number()
    fault(sms, mode, to)
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=to, from_=sms["sender"], body="x")
    assert (caught.value.status, caught.value.code) == (int(mode), code)
    client.messages.create(to=to, from_=sms["sender"], body="x")
    assert len(outbox(sms, to)) == 1


def test_a_lost_answer_is_a_message_queued(sms, client):
    to = number()
    fault(sms, "lost", to)
    with pytest.raises(requests.ConnectionError):
        client.messages.create(to=to, from_=sms["sender"], body="x")
    assert len(outbox(sms, to)) == 1


def test_the_log_has_no_body_and_no_token(sms, client):
    to = number()
    client.messages.create(to=to, from_=sms["sender"], body="very private")
    logged = requests.get(f"{sms['url']}/_emulator/requests", params={"match": to[1:]}, timeout=5).text
    assert to in logged and "very private" not in logged and "Basic" not in logged


def test_the_page_shows_the_messages(sms, client):
    client.messages.create(to=number(), from_=sms["sender"], body="<b>hello</b>")
    assert "&lt;b&gt;hello" in requests.get(sms["url"] + "/", timeout=5).text
