"""The shop with the emulated PayPal: its functions in this process, real HTTP to PayPal, deliveries by the tests."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from account_factory import add_account
from http_calls import Answered, App
from quick import eventually

from functions.paypal_webhook.documents import EventDocument, events
from shared.commerce.payment_documents import GrantDocument, PaymentDocument, PaymentStatus, grants, payments
from shared.documents import Document, Where, store
from shared.documents.fields import where
from shared.jobs import protocol
from shared.jobs.models import OPEN, Job

WRITES = ("create", "replace", "upsert", "patch", "delete", "batch")
QUICK = {
    "JOB_GRACE_S": "0",
    "JOB_ORPHAN_S": "0",
    "JOB_LEASE_S": "0.1",
    "JOB_BACKOFF_BASE_S": "0",
    "JOB_BACKOFF_CAP_S": "0",
    "PAYPAL_LEASE_S": "0.1",
    "PAYPAL_TIMEOUT_S": "20",
}
"""The work of a killed process is taken over after 0.1 s, and nothing waits."""


@dataclass
class Buyer:
    """A signed-in user."""

    id: str
    token: str
    shop: Shop

    def order(self, pack: str = "small", key: str | None = None) -> str:
        """Order a pack; PayPal's order id."""
        answer = self.call("create_paypal_order", {"pack": pack}, headers={"Idempotency-Key": key} if key else None)
        assert answer.status == 201, answer.raw
        return answer.body["id"]

    def approved(self, pack: str = "small", outcome: str = "completed") -> str:
        """Order a pack and approve it; `outcome` is what the bank says at capture."""
        order = self.order(pack)
        self.shop.approve(order, outcome)
        return order

    def bought(self, pack: str = "small") -> dict[str, Any]:
        """Order, approve, capture; the receipt."""
        answer = self.capture(self.approved(pack))
        assert answer.status == 200, answer.raw
        return answer.body

    def capture(self, order: str) -> Answered:
        """Capture an order."""
        return self.call("capture_paypal_order", route={"id": order})

    def payment(self, order: str) -> dict[str, Any]:
        """The payment of an order."""
        return self.call("get_paypal_order", route={"id": order}).body

    def credits(self) -> int:
        """Credits left."""
        return self.call("list_payments").body["credits"]

    def grants(self) -> list[GrantDocument]:
        """The grants of captures."""
        return grants.list(partition=self.id).items

    def audited(self, action: str) -> list[Document]:
        """Audit entries of a kind."""
        return store().query("audit", Where("action", "=", action), partition=self.id).items

    def call(self, name: str, body: Any = None, **options: Any) -> Answered:
        """Call a function of the shop."""
        return self.shop.app(name, body, token=self.token, **options)


class Shop:
    """The shop's payment functions, and the control API of the emulated PayPal."""

    def __init__(self, paypal: dict[str, Any]) -> None:
        from functions.paypal.blueprint import bp
        from functions.paypal_webhook.blueprint import bp as webhook

        self.facts = paypal
        self.app = App(bp)
        self.webhook = App(webhook)

    def user(self, role: str = "shopper") -> Buyer:
        """A new account, signed in."""
        from shared.http import tokens

        id = add_account(role=role).id
        return Buyer(id, tokens.issue(id, role, 1)[0], self)

    def control(self, path: str, body: Any = None) -> Any:
        """Call the control API of the emulated PayPal."""
        url = f"{self.facts['url']}/_emulator/{path}"
        answer = requests.get(url, timeout=5) if body is None else requests.post(url, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, mode: str, on: str, **more: Any) -> None:
        """Plan a fault for the next request of an operation."""
        self.control("faults", {"mode": mode, "on": on, **more})

    def requests_of(self, operation: str) -> list[dict[str, Any]]:
        """The requests of an operation that PayPal has had."""
        return [entry for entry in self.control("requests")["requests"] if entry.get("operation") == operation]

    def approve(self, order: str, outcome: str = "completed") -> None:
        """The payer approves."""
        self.control(f"orders/{order}", {"action": "approve", "outcome": outcome})

    def captures(self, order: str) -> dict[str, str]:
        """Captures of an order at PayPal: id to status."""
        found = self.control("state")["captures"].items()
        return {id: one["status"] for id, one in found if one["orderId"] == order}

    def events(self, order: str) -> list[str]:
        """Ids of an order's events so far, oldest first."""
        return [event["id"] for event in self.control(f"events?orderId={order}")["events"]]

    def signed(self, spec: dict[str, Any] | str) -> tuple[dict[str, str], bytes]:
        """A signed delivery, not sent: of an event by its id, or of a new one (see `POST /_emulator/events`)."""
        spec = {"replay": spec} if isinstance(spec, str) else spec
        made = self.control("events", {**spec, "deliver": False})
        return made["headers"], made["body"].encode()

    def deliver(self, spec: dict[str, Any] | str, body: bytes | None = None, **headers: str) -> Answered:
        """Deliver an event to the shop, with another body or other headers if given."""
        sent, genuine = self.signed(spec)
        return self.webhook("receive_paypal_event", genuine if body is None else body, headers={**sent, **headers})

    def handle(self, spec: dict[str, Any] | str) -> EventDocument:
        """Deliver an event and run its job; the event's document."""
        sent, body = self.signed(spec)
        answer = self.webhook("receive_paypal_event", body, headers=sent)
        assert answer.status == 200, answer.raw
        self.run_jobs()
        id = json.loads(body)["id"]
        return events.get(id, id)

    def run_jobs(self) -> None:
        """Run every open job of the queue."""
        from functions.paypal_webhook.worker import EventStep
        from shared.jobs.consumer import consume

        for job in protocol.jobs.list(where(Job.kind, "=", "paypal.event"), where(Job.status, "in", OPEN)).items:
            consume(json.dumps(protocol.pointer(job)), EventStep())

    def sweep(self) -> None:
        """Do what the timer does."""
        from functions.paypal_webhook import inbox
        from shared.commerce import sweeper

        inbox.sweep()
        sweeper.sweep()

    def finish(self, order: str) -> None:
        """Deliver events, run jobs and sweep until nothing is left to do."""

        def is_finished() -> bool:
            for event in self.events(order):
                if events.find(event, event) is None:
                    self.deliver(event)
            self.run_jobs()
            self.sweep()
            return self._is_finished(order)

        eventually(is_finished, "the end of all work for the order")

    def _is_finished(self, order: str) -> bool:
        due = payments.list(where(PaymentDocument.due_at, ">", 0), where(PaymentDocument.order_id, "=", order)).items
        waiting = [payment for payment in due if payment.status is not PaymentStatus.CAPTURE_PENDING]
        received = [events.find(event, event) for event in self.events(order)]
        return not waiting and all(event is not None and event.handled_at for event in received)


def payment_of(order: str) -> PaymentDocument:
    """The document of the payment of an order."""
    (payment,) = payments.list(where(PaymentDocument.order_id, "=", order)).items
    return payment


HUNG_S = 60.0
"""Seconds after which a child process that is to be killed is killed wherever it is."""


def killed_before_write(write: int | None, act: Callable[[], Any]) -> None:
    """Do something in a child process that is killed right before its n-th write (1 is the first; None: never).

    A fork, because the interpreter's start would be the longest part of the test by far.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _reconnect()
            _exit_before(write)
            act()
            status = 0
        finally:
            os._exit(status)
    # A fork keeps the locks that other threads held. A child that hangs on one is killed there, as it may be anywhere.
    hangs = threading.Timer(HUNG_S, lambda: os.kill(child, signal.SIGKILL))
    if write is not None:
        hangs.start()
    try:
        eventually(
            lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT), "the end of the child process"
        )
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        hangs.cancel()
        os.waitpid(child, 0)


def _reconnect() -> None:
    """Give a forked process its own connections."""
    from shared.commerce import paypal
    from shared.jobs import queues

    for cached in (store, paypal.client, queues.client):
        cached.cache_clear()


def _exit_before(write: int | None) -> None:
    left = [write or 0]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def write_or_exit(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return real(*arguments, **options)

        return write_or_exit

    documents = store()
    for name in WRITES:
        setattr(documents, name, counted(getattr(documents, name)))


@pytest.fixture
def paypal(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The emulated PayPal."""
    return emulated["paypal"]


@pytest.fixture
def shop(local: dict[str, str], paypal: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop on an empty store, with an empty PayPal."""
    from emulators.stack import paypal_settings

    for name, value in {**QUICK, **paypal_settings(paypal)}.items():
        monkeypatch.setenv(name, value)
    from shared.settings import forget

    forget()
    made = Shop(paypal)
    made.control("reset", {})
    return made
