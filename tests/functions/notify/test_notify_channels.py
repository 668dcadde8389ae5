"""Each channel delivers once or says why not, whatever its provider does; and none disturbs another."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from over_http import fault, outbox, send
from quick import eventually

from demo.client import Live
from emulators.stack import Stack

SENT = ("sent", None)
ALL_SENT = {"email": SENT, "sms": SENT, "websocket": SENT}

type Tell = Callable[..., Any]


def number() -> str:
    return f"+1555{secrets.randbelow(10**7):07d}"


def requests_to(stack: Stack, provider: str, word: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{stack.providers[provider]['url']}/_emulator/requests", timeout=5).json()
    return [entry for entry in answer["requests"] if word in json.dumps(entry)]


def test_each_channel_is_notified_once(inside: Stack, teller: Tell) -> None:
    who = teller()
    live = Live(who.client)
    key = who.announce()
    assert who.outcome(key) == ALL_SENT
    mail, sms = outbox(inside, "email", key), outbox(inside, "sms", key)
    assert (len(mail), len(sms)) == (1, 1)
    assert mail[0]["to"] == [who.client.user["email"]]
    assert sms[0]["to"] == who.client.user["phone"]
    pushed = live.until(lambda m: m["type"] == "notification")
    assert (pushed["notificationId"], pushed["event"]) == (key, "conversion.completed")
    live.close()


def test_nothing_secret_and_no_markup_goes_out(inside: Stack, teller: Tell) -> None:
    who = teller()
    key = who.announce(event="conversion.failed")
    who.outcome(key)
    mail, sms = outbox(inside, "email", key)[0], outbox(inside, "sms", key)[0]
    for text in (mail["plainText"], mail["html"], sms["body"]):
        assert "sig=" not in text
        assert "token" not in text
        assert f"/conversions/{key}" in text
    assert "<b>" not in mail["html"]
    assert "&lt;b&gt;" in mail["html"]
    assert len(sms["body"]) <= 160


def test_a_channel_switched_off_is_skipped(inside: Stack, teller: Tell) -> None:
    who = teller()
    who.client.call("PUT", "notifications/preferences", json={"email": False, "websocket": False})
    key = who.announce()
    off = ("skipped", "switched off by the user")
    assert who.outcome(key) == {"email": off, "sms": SENT, "websocket": off}
    assert outbox(inside, "email", key) == []


def test_without_a_phone_there_is_no_sms(teller: Tell) -> None:
    who = teller(phone=None)
    key = who.announce()
    assert who.outcome(key) == {**ALL_SENT, "sms": ("skipped", "no phone number")}


@pytest.mark.parametrize("mode", ["429", "503", "html", "disconnect"])
def test_an_email_that_is_refused_for_now_arrives_once(inside: Stack, teller: Tell, mode: str) -> None:
    who = teller()
    with fault(inside, "email", mode=mode, times=1, match=who.client.user["email"], retryDelay=1):
        key = who.announce()
        assert who.outcome(key) == ALL_SENT
    assert len(outbox(inside, "email", key)) == 1
    assert who.job(key, "email").attempt == 2


def test_an_email_with_a_lost_answer_is_repeated_under_the_same_id(inside: Stack, teller: Tell) -> None:
    who = teller()
    with fault(inside, "email", mode="lost", times=1, match=who.client.user["email"]):
        key = who.announce()
        assert who.outcome(key) == ALL_SENT
    mails = outbox(inside, "email", key)
    assert [mail["requests"] for mail in mails] == [2]


def test_an_email_is_repeated_after_the_provider_has_forgotten_a_refusal(inside: Stack, teller: Tell) -> None:
    from shared import clock

    who = teller()
    noted = {"first": clock.now() - 900, "generation": 1, "open": False}
    key = who.announce(first={"email": {"sending": noted, "fence": 1, "createdAt": clock.iso(clock.now() - 900)}})
    assert who.outcome(key) == ALL_SENT
    assert len(outbox(inside, "email", key)) == 1


def test_an_email_with_an_unknown_outcome_is_not_repeated_once_forgotten(inside: Stack, teller: Tell) -> None:
    from shared import clock

    who = teller()
    noted = {"first": clock.now() - 900, "generation": 1, "open": True}
    key = who.announce(first={"email": {"sending": noted, "fence": 1}})
    assert who.outcome(key) == {**ALL_SENT, "email": ("failed", "outcome_unknown")}
    assert outbox(inside, "email", key) == []


def test_an_old_notification_can_still_be_sent(inside: Stack, teller: Tell) -> None:
    """A redrive, or the end of an outage, comes later than the five minutes of a repeatable request."""
    from shared.documents import store
    from shared.jobs import control

    who = teller()
    with fault(inside, "email", mode="503", times=None, match=who.client.user["email"], retryDelay=0):
        key = who.announce()
        assert who.outcome(key)["email"] == ("failed", "email_failed")
    old = "2026-01-01T00:00:00.000Z"
    store().patch("studio", f"notification:{key}", who.user_id, set={"createdAt": old})
    changes = {"sending": {**who.job(key, "email").to_item()["sending"], "first": 0}}
    store().patch("studio", f"job:notify-{key}-email", who.user_id, set=changes)
    control.redrive(who.job(key, "email"))
    eventually(lambda: who.find(key)["channels"]["email"]["status"] == "sent", "the e-mail")
    assert len(outbox(inside, "email", key)) == 1


def test_an_sms_with_a_lost_answer_is_never_sent_twice(inside: Stack, teller: Tell) -> None:
    who = teller()
    with fault(inside, "sms", mode="lost", times=None, match=who.client.user["phone"]):
        key = who.announce()
        assert who.outcome(key) == {**ALL_SENT, "sms": ("failed", "sms_unknown")}
    assert len(outbox(inside, "sms", key)) == 1
    assert len(requests_to(inside, "sms", who.client.user["phone"])) == 1


def test_an_sms_attempt_that_died_while_sending_is_not_repeated(inside: Stack, teller: Tell) -> None:
    from shared import clock

    who = teller()
    noted = {"first": clock.now() - 5, "generation": 1, "open": True}
    key = who.announce(first={"sms": {"sending": noted, "fence": 1}})
    assert who.outcome(key) == {**ALL_SENT, "sms": ("failed", "outcome_unknown")}
    assert outbox(inside, "sms", key) == []


@pytest.mark.parametrize("mode", ["429", "503"])
def test_an_sms_that_was_refused_for_now_arrives_once(inside: Stack, teller: Tell, mode: str) -> None:
    who = teller()
    with fault(inside, "sms", mode=mode, times=1, match=who.client.user["phone"]):
        key = who.announce()
        assert who.outcome(key) == ALL_SENT
    assert len(outbox(inside, "sms", key)) == 1


def test_an_opted_out_number_switches_the_channel_off(inside: Stack, teller: Tell) -> None:
    who = teller(phone="+15005550004")
    who.client.call("PUT", "notifications/preferences", json={"websocket": False})
    assert who.outcome(who.announce())["sms"] == ("failed", "sms_opted_out")
    wanted = who.client.call("GET", "notifications/preferences")
    assert wanted == {"email": True, "sms": False, "websocket": False}
    assert who.outcome(who.announce())["sms"] == ("skipped", "switched off by the user")


def test_an_invalid_number_fails_at_once(teller: Tell) -> None:
    who = teller(phone="+15005550001")
    key = who.announce()
    assert who.outcome(key) == {**ALL_SENT, "sms": ("failed", "sms_refused")}
    assert who.job(key, "sms").attempt == 1
    assert who.client.call("GET", "notifications/preferences")["sms"] is True


def test_a_dead_websocket_service_fails_alone(inside: Stack, teller: Tell) -> None:
    who = teller()
    with fault(inside, "webpubsub", mode="503", times=None, match=who.user_id):
        key = who.announce()
        assert who.outcome(key) == {**ALL_SENT, "websocket": ("failed", "websocket_failed")}
    job = who.job(key, "websocket")
    assert (job.status, job.attempt) == ("dead", 3)


@pytest.mark.parametrize(("channel", "cap"), [("sms", 20), ("email", 100)])
def test_the_cap_of_the_day_holds(inside: Stack, teller: Tell, channel: str, cap: int) -> None:
    from shared.documents import store

    who = teller()
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    store().create("rate_limits", {"id": f"{who.user_id}:{channel}:{day}", "n": cap - 1, "ttl": 3600})
    assert who.outcome(who.announce())[channel] == SENT
    key = who.announce()
    assert who.outcome(key) == {**ALL_SENT, channel: ("failed", "daily_cap")}
    assert outbox(inside, channel, key) == []
    assert send(who.client, "GET", f"jobs/notify-{key}-{channel}").json()["status"] == "failed"
