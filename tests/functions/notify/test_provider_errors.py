"""Every row of the tables of Twilio, e-mail and Web PubSub: the real SDKs against the emulators."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from shared import clock
from shared.errors import OperatorActionNeeded, StudioError, Unprocessable, UpstreamError
from shared.notifications import email_errors, senders, twilio_errors, webpubsub_errors
from shared.notifications.announce import announce
from shared.notifications.documents import Channel, NotificationDocument
from shared.notifications.email_client import email_client
from shared.notifications.push import hub
from shared.notifications.senders import Recipient, Sender, Unreachable
from shared.notifications.sms_client import get_message, twilio_client
from shared.provider_errors import FEW_TRIES, Blame, ProviderError

pytestmark = pytest.mark.processes
CASES = Path(__file__).parents[2] / "cases"


class Providers:
    """The three emulators, and senders that reach them."""

    def __init__(self, facts: dict[str, dict[str, Any]]) -> None:
        self._facts = facts
        created = announce("u1", "conversion.completed", "n1", {"conversionId": "c", "seconds": 1}, request_id=None)
        self.notification = NotificationDocument.model_validate(created[0].item)  # pyright: ignore

    def plan(self, channel: Channel, **fault: Any) -> None:
        """Let the next request to the service of a channel meet a fault."""
        name = {Channel.EMAIL: "email", Channel.SMS: "sms", Channel.WEBSOCKET: "webpubsub"}[channel]
        base = f"{self._facts[name]['url']}/_emulator/faults"
        requests.post(base, json={"times": 1, **fault}, timeout=5).raise_for_status()

    def send(self, channel: Channel, **fault: Any) -> StudioError | None:
        """How one message ends whose request meets a fault."""
        self.plan(channel, **fault)
        sender: Sender = senders.SENDERS[channel]
        to = Recipient(user_id="u1", email="ada@example.com", phone="+15550100000")
        try:
            sender.send(to, self.notification, secrets.token_hex(8), clock.now())
        except StudioError as error:
            return error
        return None


@pytest.fixture
def providers(change: Callable[..., None], emulated: dict[str, dict[str, Any]]) -> Iterator[Providers]:
    sms, email = emulated["sms"], emulated["email"]
    change(
        TWILIO_ACCOUNT_SID=sms["accountSid"], TWILIO_AUTH_TOKEN=sms["authToken"], TWILIO_BASE_URL=sms["url"],
        EMAIL_CONNECTION=email["connectionString"], EMAIL_SENDER=email["sender"],
        WEBPUBSUB_CONNECTION=emulated["webpubsub"]["connectionString"],
    )  # fmt: skip
    twilio_client.cache_clear()
    yield Providers(emulated)
    twilio_client.cache_clear()
    email_client.cache_clear()
    hub.cache_clear()


def assert_is(row: ProviderError, error: StudioError | None) -> None:
    kind = {Blame.USER: Unprocessable, Blame.OPERATOR: OperatorActionNeeded, Blame.TRANSIENT: UpstreamError}[row.blame]
    assert isinstance(error, kind), (row, error)
    assert row.source.startswith("https://")
    assert (error.code, error.max_tries) == (row.code, row.max_tries), row
    assert error.waits is (row.blame is Blame.OPERATOR)


def test_every_twilio_code(providers: Providers) -> None:
    for reason, row in twilio_errors.ERRORS.items():
        if reason.startswith("HTTP"):
            status = int(reason[5:].replace("5xx", "520"))
            error = providers.send(Channel.SMS, mode="answer", status=status, body={"code": None, "message": "?"})
        else:
            error = providers.send(Channel.SMS, mode="error", code=int(reason))
        assert_is(row, error)
        assert isinstance(error, Unreachable) is row.unreachable, row


def test_an_unknown_twilio_code_is_not_the_users_fault(providers: Providers) -> None:
    error = providers.send(Channel.SMS, mode="error", code=99999)
    assert isinstance(error, UpstreamError) and error.max_tries == FEW_TRIES


def test_twilios_refusal_of_our_credentials_is_the_operators(providers: Providers) -> None:
    body = {"code": 20003, "message": "(authentication failed)", "status": 401}
    error = providers.send(Channel.SMS, mode="answer", status=401, body=body)
    assert isinstance(error, OperatorActionNeeded)
    assert "20003" not in error.message


def test_every_email_code(providers: Providers) -> None:
    for reason, row in email_errors.ERRORS.items():
        if reason.startswith("HTTP"):
            status = int(reason[5:].replace("5xx", "520"))
            error = providers.send(Channel.EMAIL, mode="answer", status=status, body={"error": {"message": "?"}})
        else:
            for status in (400, 404, 403):
                error = providers.send(Channel.EMAIL, mode="error", code=reason, status=status)
                assert_is(row, error)
        assert_is(row, error)


def test_an_inner_code_decides(providers: Providers) -> None:
    body = {"error": {"code": "BadRequest", "message": "?", "innererror": {"code": "DomainNotLinked"}}}
    assert isinstance(providers.send(Channel.EMAIL, mode="answer", status=400, body=body), OperatorActionNeeded)


def test_every_status_of_web_pubsub(providers: Providers) -> None:
    for reason, row in webpubsub_errors.ERRORS.items():
        status = int(reason.replace("5xx", "520"))
        assert_is(row, providers.send(Channel.WEBSOCKET, mode="answer", status=status, body={}))


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.WEBSOCKET])
def test_an_unknown_status_is_tried_twice(providers: Providers, channel: Channel) -> None:
    error = providers.send(channel, mode="answer", status=418, body=json.loads("{}"))
    assert isinstance(error, UpstreamError) and error.max_tries == FEW_TRIES


@pytest.mark.parametrize("body", ["accepted", None, [], 5, {}, {"error": {"code": 20003}}, {"sid": None}])
def test_an_answer_that_names_no_text_message_is_no_success_and_is_not_sent_twice(
    providers: Providers, body: Any
) -> None:
    error = providers.send(Channel.SMS, mode="answer", status=201, body=body)
    assert isinstance(error, StudioError) and (error.code, error.retryable) == ("sms_unknown", False)


@pytest.mark.parametrize("body", ["queued", None, [], 5, {}, {"error": {"code": 20003}}])
def test_an_answer_without_the_state_of_a_text_message_is_asked_for_again(providers: Providers, body: Any) -> None:
    providers.plan(Channel.SMS, mode="answer", status=200, body=body)
    with pytest.raises(UpstreamError) as unread:
        get_message("SM1")
    assert unread.value.code == "sms_unreachable" and unread.value.retryable
