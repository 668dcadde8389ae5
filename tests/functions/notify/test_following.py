"""E-mails after their acceptance, and addresses that can't receive: in process, with the real SDKs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from account_factory import add_account

from emulators.launch import launch
from functions.notify import preferences, worker
from functions.notify.models import PreferencesChange
from shared import clock
from shared.accounts.documents import AccountDocument, accounts
from shared.documents import Create, store
from shared.documents.fields import assign
from shared.jobs import protocol, queues
from shared.jobs.consumer import consume
from shared.jobs.models import TERMINAL
from shared.notifications import follow, twilio_errors
from shared.notifications.announce import announce
from shared.notifications.documents import Channel, ChannelState, notifications
from shared.notifications.email_client import email_client
from shared.notifications.sms_client import twilio_client
from shared.provider_errors import Blame

pytestmark = pytest.mark.processes
USER = "u1"


class Post:
    """A user with an address and a number, and what their notifications become."""

    def __init__(self, facts: dict[str, dict[str, Any]], move: Callable[[float], None]) -> None:
        self.facts, self.move, self._count = facts, move, 0

    def fault(self, provider: str, **posted: Any) -> None:
        base = f"{self.facts[provider]['url']}/_emulator/faults"
        requests.post(base, json={"times": 1, **posted}, timeout=5).raise_for_status()

    def notify(self, *channels: Channel) -> str:
        """Announce, and run the jobs of these channels to their end."""
        self._count += 1
        key = f"n{self._count}"
        made = announce(USER, "conversion.completed", key, {"conversionId": key, "seconds": 1}, request_id=None)
        store().batch("studio", USER, made)
        for operation in made:
            item = operation.item if isinstance(operation, Create) else {}
            if item.get("type") == "job" and item["payload"]["channel"] in channels:
                self.run(item["id"])
        return key

    def run(self, job_id: str) -> None:
        step = worker.NotifyStep()
        while (job := protocol.load(job_id, USER)).status not in TERMINAL:
            if job.next_at:
                self.move(max(0.0, job.next_at - clock.now()))
            consume(json.dumps(protocol.pointer(job)), step)

    def state(self, key: str, channel: Channel = Channel.EMAIL) -> ChannelState:
        return notifications.get(f"notification:{key}", USER).channels[channel]

    def report(self, operation_id: str | None, status: str, *, encoded: bool = True, **event: Any) -> None:
        """Put a delivery report in the queue, as Event Grid does."""
        data = {"messageId": operation_id, "status": status, "recipient": "ada@example.com"}
        text = json.dumps({"eventType": follow.REPORT_EVENT, "data": data, **event})
        queues.raw_client(queues.EMAIL_REPORTS).send_message(
            base64.b64encode(text.encode()).decode() if encoded else text
        )


@pytest.fixture(scope="module")
def facts(emulated: dict[str, dict[str, Any]]) -> Iterator[dict[str, dict[str, Any]]]:
    with launch("email", "--running-polls", "1") as email:
        yield {"sms": emulated["sms"], "email": email}


@pytest.fixture
def post(
    change: Callable[..., None], facts: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Post]:
    sms, email = facts["sms"], facts["email"]
    for one in facts.values():
        requests.post(f"{one['url']}/_emulator/reset", timeout=5).raise_for_status()
    change(
        TWILIO_ACCOUNT_SID=sms["accountSid"], TWILIO_AUTH_TOKEN=sms["authToken"], TWILIO_BASE_URL=sms["url"],
        EMAIL_CONNECTION=email["connectionString"], EMAIL_SENDER=email["sender"], EMAIL_FOLLOW_S="0",
        SMS_FOLLOW_S="0",
    )  # fmt: skip
    twilio_client.cache_clear()
    ahead = [0.0]
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + ahead[0])
    queues.raw_client(queues.EMAIL_REPORTS).clear_messages()
    add_account(USER, email="ada@example.com", phone="+15550100000", phone_confirmed=True)

    def move(seconds: float) -> None:
        ahead[0] += seconds

    yield Post(facts, move)
    twilio_client.cache_clear()
    email_client.cache_clear()


def sweep(post: Post, times: int = 3) -> None:
    for _ in range(times):
        post.move(120)
        follow.sweep()


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("EmailDroppedAllRecipientsSuppressed", "suppressed", "email_suppressed"),
        ("SomethingNew", "failed", "email_failed"),
        ("InvalidEmailAddress", "failed", "email_refused"),
    ],
)
def test_an_operation_that_fails_later_is_noticed(post: Post, code: str, status: str, reason: str) -> None:
    post.fault("email", mode="failed", code=code)
    key = post.notify(Channel.EMAIL)
    assert post.state(key).status == "sent"
    sweep(post)
    assert (post.state(key).status, post.state(key).reason) == (status, reason)
    again = post.state(post.notify(Channel.EMAIL))
    assert again.status == ("sent" if code == "SomethingNew" else "skipped")


def test_an_operation_that_succeeds_is_asked_no_more(post: Post) -> None:
    key = post.notify(Channel.EMAIL)
    sweep(post, times=5)
    assert post.state(key).status == "sent"
    assert notifications.get(f"notification:{key}", USER).follow_at is None
    asked = requests.get(f"{post.facts['email']['url']}/_emulator/requests", timeout=5).json()["requests"]
    assert len([entry for entry in asked if "/operations/" in entry["path"]]) == 2


@pytest.mark.parametrize(
    ("report", "status", "skipped"),
    [
        ("Delivered", "delivered", False),
        ("Expanded", "delivered", False),
        ("Bounced", "bounced", True),
        ("Suppressed", "suppressed", True),
        ("Quarantined", "failed", False),
        ("FilteredSpam", "failed", False),
        ("Failed", "failed", False),
    ],
)
def test_delivery_reports_end_an_email(post: Post, report: str, status: str, skipped: bool) -> None:
    key = post.notify(Channel.EMAIL)
    post.report(post.state(key).operation_id, report)
    sweep(post)
    assert post.state(key).status == status
    assert (post.state(post.notify(Channel.EMAIL)).status == "skipped") is skipped


def test_one_bad_report_never_stops_the_others(post: Post) -> None:
    key = post.notify(Channel.EMAIL)
    queue = queues.raw_client(queues.EMAIL_REPORTS)
    for poison in ("%%%", "bm90IGpzb24=", "[]", "7", '{"data": 3}', '{"eventType": "Other", "data": {}}'):
        queue.send_message(poison)
    post.report("an-unknown-id", "Bounced")
    post.report(None, "Bounced")
    post.report(post.state(key).operation_id, "SomethingNew")
    post.report(post.state(key).operation_id, "Delivered", encoded=False, eventType=None, type=follow.REPORT_EVENT)
    follow.sweep()
    assert post.state(key).status == "delivered"


@pytest.mark.parametrize("code", [21614, 21211, 21635, 21610])
def test_a_number_that_cant_receive_is_not_tried_again_until_it_changes(post: Post, code: int) -> None:
    post.fault("sms", mode="error", code=code)
    first = post.state(post.notify(Channel.SMS), Channel.SMS)
    assert (first.status, first.reason) == ("failed", "sms_opted_out" if code == 21610 else "sms_refused")
    assert post.state(post.notify(Channel.SMS), Channel.SMS).status == "skipped"
    sent = requests.get(f"{post.facts['sms']['url']}/_emulator/requests", timeout=5).json()["requests"]
    assert len(sent) == 1
    accounts.patch(USER, USER, assign(AccountDocument.phone, "+15550100001"))
    preferences.update_preferences(USER, PreferencesChange(sms=True))
    assert post.state(post.notify(Channel.SMS), Channel.SMS).status == "sent"


def test_switching_the_channel_on_tries_the_number_again(post: Post) -> None:
    post.fault("sms", mode="error", code=21614)
    post.notify(Channel.SMS)
    assert post.state(post.notify(Channel.SMS), Channel.SMS).status == "skipped"
    preferences.update_preferences(USER, PreferencesChange(sms=True))
    assert post.state(post.notify(Channel.SMS), Channel.SMS).status == "sent"


def sms_requests(post: Post) -> list[dict[str, Any]]:
    return requests.get(f"{post.facts['sms']['url']}/_emulator/requests", timeout=5).json()["requests"]


def test_a_text_message_is_followed_until_it_is_delivered(post: Post) -> None:
    key = post.notify(Channel.SMS)
    assert post.state(key, Channel.SMS).status == "sent"
    sweep(post, times=1)
    assert post.state(key, Channel.SMS).status == "sent", "the carrier has it, the phone not yet"
    sweep(post, times=4)
    assert post.state(key, Channel.SMS).status == "delivered"
    assert notifications.get(f"notification:{key}", USER).follow_at is None
    assert [entry["method"] for entry in sms_requests(post)] == ["POST", "GET", "GET"]


@pytest.mark.parametrize("row", twilio_errors.ERRORS.values(), ids=lambda row: row.reason)
def test_every_code_of_a_message_that_does_not_arrive(post: Post, row: Any) -> None:
    if not row.reason.isdigit():
        return
    post.fault("sms", mode="undelivered", code=int(row.reason))
    key = post.notify(Channel.SMS)
    sweep(post)
    ended = post.state(key, Channel.SMS)
    assert (ended.status, ended.reason) == ("failed", row.code if row.blame is Blame.USER else "sms_undelivered")
    assert (post.state(post.notify(Channel.SMS), Channel.SMS).status == "skipped") is row.unreachable


@pytest.mark.parametrize(("status", "code"), [("undelivered", 39999), ("failed", None), ("canceled", None)])
def test_an_unknown_reason_is_a_failure_and_nothing_is_held_against_the_number(
    post: Post, status: str, code: int | None
) -> None:
    post.fault("sms", mode="undelivered", status=status, **({} if code is None else {"code": code}))
    key = post.notify(Channel.SMS)
    sweep(post)
    assert post.state(key, Channel.SMS).reason == "sms_undelivered"
    assert post.state(post.notify(Channel.SMS), Channel.SMS).status == "sent"


def test_both_channels_of_a_notification_are_followed_to_their_ends(post: Post) -> None:
    post.fault("email", mode="failed", code="EmailDropped")
    post.fault("sms", mode="undelivered", code=30005)
    key = post.notify(Channel.EMAIL, Channel.SMS)
    sweep(post, times=4)
    assert post.state(key).status == "suppressed"
    assert post.state(key, Channel.SMS).reason == "sms_refused"
    assert notifications.get(f"notification:{key}", USER).follow_at is None


def test_a_message_that_the_carrier_never_reports_on_is_asked_about_for_a_day(post: Post) -> None:
    post.fault("sms", mode="undelivered", status="sent")
    key = post.notify(Channel.SMS)
    for _ in range(12):
        post.move(follow.LAST_LOOK_S / 8)
        follow.sweep()
    assert post.state(key, Channel.SMS).status == "sent"
    assert notifications.get(f"notification:{key}", USER).follow_at is None
    asked = len([entry for entry in sms_requests(post) if entry["method"] == "GET"])
    assert 2 < asked < 10, "ever more rarely"


def test_a_message_that_twilio_has_deleted_is_asked_about_no_more(post: Post) -> None:
    key = post.notify(Channel.SMS)
    post.fault("sms", mode="answer", on="message", status=404, body={"code": 20404, "status": 404})
    sweep(post)
    assert post.state(key, Channel.SMS).status == "sent"
    assert len(sms_requests(post)) == 2


def test_a_provider_that_does_not_answer_the_question_is_asked_again(post: Post) -> None:
    key = post.notify(Channel.SMS)
    post.fault("sms", mode="503", on="message")
    sweep(post, times=8)
    assert post.state(key, Channel.SMS).status == "delivered"


def test_refused_credentials_park_the_message_and_use_neither_attempts_nor_the_cap(
    post: Post, change: Callable[..., None]
) -> None:
    post.fault("sms", mode="answer", status=401, body={"code": 20003, "status": 401}, times=4)
    key = post.notify(Channel.SMS)
    assert post.state(key, Channel.SMS).status == "sent"
    job = protocol.load(f"job:notify-{key}-sms", USER)
    assert (job.status, job.attempt) == ("completed", 1)
    counted = store().query("rate_limits").items
    assert {one["n"] for one in counted} == {1}
