"""A shop before the emulated PayPal: its functions in this process, real HTTP to the provider, deliveries by hand."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from account_factory import add_account
from http_calls import Answered, App
from quick import eventually

from emulators.launch import launch
from shared.documents import Document, Where, store
from shared.jobs.models import OPEN

WRITES = ("create", "replace", "upsert", "patch", "delete", "batch")
QUICK = {
    "JOB_GRACE_S": "0",
    "JOB_ORPHAN_S": "0",
    "JOB_LEASE_S": "0.1",
    "JOB_BACKOFF_BASE_S": "0",
    "JOB_BACKOFF_CAP_S": "0",
    "PAYPAL_LEASE_S": "0.1",
    "PAYPAL_TIMEOUT_S": "2",
}
"""A killed process is given up after 0.1 s, and nothing waits."""


@dataclass
class Buyer:
    """A signed-in user."""

    id: str
    token: str
    shop: Shop

    def order(self, pack: str = "small", key: str | None = None) -> str:
        """Order a pack; PayPal's order id."""
        answer = self.call("paypal_orders_create", {"pack": pack}, headers={"Idempotency-Key": key} if key else None)
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
        """Ask that an order be captured."""
        return self.call("paypal_orders_capture", route={"id": order})

    def payment(self, order: str) -> dict[str, Any]:
        """How the payment stands."""
        return self.call("paypal_orders_get", route={"id": order}).body

    def credits(self) -> int:
        """Credits left."""
        return self.call("paypal_payments_list").body["credits"]

    def grants(self) -> list[Document]:
        """What captures have given."""
        return store().query("studio", Where("type", "=", "grant"), partition=self.id).items

    def audited(self, action: str) -> list[Document]:
        """Audit entries of a kind."""
        return store().query("audit", Where("action", "=", action), partition=self.id).items

    def call(self, name: str, body: Any = None, **options: Any) -> Answered:
        """Call a function of the shop."""
        return self.shop.app(name, body, token=self.token, **options)


class Shop:
    """The shop's payment functions, and PayPal's control surface."""

    def __init__(self, paypal: dict[str, Any]) -> None:
        from functions.paypal.blueprint import bp
        from functions.paypal_webhook.blueprint import bp as webhook

        self.facts = paypal
        self.app = App(bp)
        self.webhook = App(webhook)

    def user(self, role: str = "shopper") -> Buyer:
        """A new account, signed in."""
        from shared.http import auth

        id = add_account(role=role).id
        return Buyer(id, auth.issue(id, role, 1)[0], self)

    def control(self, path: str, body: Any = None) -> Any:
        """PayPal's control surface."""
        url = f"{self.facts['url']}/_emulator/{path}"
        answer = requests.get(url, timeout=5) if body is None else requests.post(url, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, mode: str, on: str, **more: Any) -> None:
        """What the next request of an operation meets."""
        self.control("faults", {"mode": mode, "on": on, **more})

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """Requests PayPal has had."""
        return [entry for entry in self.control("requests")["requests"] if entry.get("operation") == operation]

    def approve(self, order: str, outcome: str = "completed") -> None:
        """The payer approves."""
        self.control(f"orders/{order}", {"action": "approve", "outcome": outcome})

    def captures(self, order: str) -> dict[str, str]:
        """Captures of an order at PayPal: id to status."""
        found = self.control("state")["captures"].items()
        return {id: one["status"] for id, one in found if one["orderId"] == order}

    def events(self, order: str) -> list[str]:
        """Ids of an order's events so far, in the order they happened."""
        return [event["id"] for event in self.control(f"events?orderId={order}")["events"]]

    def signed(self, wish: dict[str, Any] | str) -> tuple[dict[str, str], bytes]:
        """A delivery, not sent: of an event by its id, or of one that is made (see the emulator's `fire`)."""
        wish = {"replay": wish} if isinstance(wish, str) else wish
        made = self.control("events", {**wish, "deliver": False})
        return made["headers"], made["body"].encode()

    def deliver(self, wish: dict[str, Any] | str, body: bytes | None = None, **headers: str) -> Answered:
        """Deliver an event to the shop, with another body or other headers if given."""
        sent, genuine = self.signed(wish)
        return self.webhook("paypal_webhook", genuine if body is None else body, headers={**sent, **headers})

    def tell(self, wish: dict[str, Any] | str) -> Document:
        """Deliver an event and do its job; the event's inbox document."""
        sent, body = self.signed(wish)
        answer = self.webhook("paypal_webhook", body, headers=sent)
        assert answer.status == 200, answer.raw
        self.work()
        id = json.loads(body)["id"]
        return store().read("webhook_events", id, id)

    def work(self) -> None:
        """Do every job of the queue that is open."""
        from functions.paypal_webhook.worker import EventStep
        from shared.jobs.consumer import consume

        open_jobs = (Where("kind", "=", "paypal.event"), Where("status", "in", list(OPEN)))
        for job in store().query("studio", *open_jobs).items:
            names = ("userId", "generation")
            pointer = {"jobId": job["id"], "attempt": job["attempt"] + 1, **{name: job[name] for name in names}}
            consume(json.dumps(pointer), EventStep())

    def sweep(self) -> None:
        """What the timer does."""
        from functions.paypal_webhook import inbox
        from shared.commerce import settlement

        inbox.sweep()
        settlement.sweep()

    def settle(self, order: str) -> None:
        """Deliver events, work and sweep until nothing is left to do."""

        def settled() -> bool:
            for event in self.events(order):
                if store().find("webhook_events", event, event) is None:
                    self.deliver(event)
            self.work()
            self.sweep()
            return self._quiet(order)

        eventually(settled, "the end of all work for the order")

    def _quiet(self, order: str) -> bool:
        payments = store().query("payments", Where("dueAt", ">", 0), Where("orderId", "=", order)).items
        waiting = [payment for payment in payments if payment["status"] != "capture_pending"]
        heard = [store().find("webhook_events", event, event) for event in self.events(order)]
        return not waiting and all(event is not None and event["handledAt"] for event in heard)


def dying(write: int | None, act: Callable[[], Any]) -> None:
    """Do something in a process of its own that is killed right before its n-th write (1 is the first; None: never).

    A fork, because the interpreter's start would be the longest part of the test by far.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _fresh()
            _die_at(write)
            act()
            status = 0
        finally:
            os._exit(status)
    try:
        eventually(lambda: os.waitpid(child, os.WNOHANG)[0], "the end of the dying process")
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise


def _fresh() -> None:
    """Connections of its own for a forked process."""
    from shared.commerce import paypal
    from shared.jobs import queues

    for cached in (store, paypal.client, queues.client):
        cached.cache_clear()


def _die_at(write: int | None) -> None:
    left = [write or 0]

    def dying_write(real: Callable[..., Any]) -> Callable[..., Any]:
        def write_or_die(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return real(*arguments, **options)

        return write_or_die

    living = store()
    for name in WRITES:
        setattr(living, name, dying_write(getattr(living, name)))


@pytest.fixture(scope="session")
def paypal() -> Iterator[dict[str, Any]]:
    """The emulated PayPal."""
    with launch("paypal") as facts:
        yield facts


@pytest.fixture
def shop(local: dict[str, str], paypal: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop on an empty store, before a PayPal that knows nothing."""
    from emulators.stack import paypal_settings

    for name, value in {**QUICK, **paypal_settings(paypal)}.items():
        monkeypatch.setenv(name, value)
    from shared.settings import forget

    forget()
    made = Shop(paypal)
    made.control("reset", {})
    return made
