"""Any order and repetition of events, mixed with capture calls and killed processes, ends in the same state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from paypal_shop import Buyer, Shop, killed_before_write, payment_of
from quick import eventually

from shared.commerce import paypal
from shared.commerce.documents import CREDITS_ID, CreditsDocument, credit_accounts
from shared.commerce.paypal_models import Amount, NewRefund

SCENARIOS: dict[str, tuple[str, ...]] = {
    "paid": ("approve",),
    "refused, then paid": ("approve refused", "approve"),
    "pending, then paid": ("approve pending", "capture", "COMPLETED"),
    "pending, then denied": ("approve pending", "capture", "DENIED"),
    "pending, then declined": ("approve pending", "capture", "DECLINED"),
    "refunded in parts": ("approve", "capture", "refund 1.00", "refund 3.99"),
    "refunded in part": ("approve", "capture", "refund 2.50"),
    "reversed": ("approve", "capture", "REVERSED"),
    "refunded in part, then reversed": ("approve", "capture", "refund 1.00", "REVERSED"),
    "approval taken back": ("approve", "reverse"),
    "disputed": ("approve", "capture", "dispute", "resolve"),
}
"""What happens at PayPal, in order; `capture` waits until there is a capture."""
GRANTED = {"captured": 10, "refunded": 0, "reversed": 0, "denied": 0, "voided": 0}

moves = st.lists(
    st.tuples(
        st.sampled_from(["step", "step", "capture", "event", "event", "work", "sweep"]),
        st.integers(0, 7),
        st.one_of(st.none(), st.integers(1, 9)),
    ),
    max_size=14,
)


@dataclass
class Scenario:
    """What happens to an order at PayPal, step by step, and what the shop does meanwhile."""

    shop: Shop
    ada: Buyer
    order: str
    steps: list[str]

    def next(self) -> None:
        """Do the next step at PayPal; a step that needs a capture waits for one."""
        if not self.steps:
            return
        step = self.steps[0]
        captures = self.shop.captures(self.order)
        if step.startswith("approve"):
            self.shop.approve(self.order, step.partition(" ")[2] or "completed")
        elif step == "reverse":
            if not captures:
                self.shop.control(f"orders/{self.order}", {"action": "reverse"})
        elif not captures:
            return
        elif step in ("COMPLETED", "DENIED", "DECLINED", "REVERSED"):
            self.shop.control(f"captures/{next(iter(captures))}", {"status": step})
        elif step.startswith("refund"):
            self.refund(next(iter(captures)), step.partition(" ")[2])
        elif step in ("dispute", "resolve"):
            kind = f"CUSTOMER.DISPUTE.{'CREATED' if step == 'dispute' else 'RESOLVED'}"
            self.shop.signed({"type": kind, "captureId": next(iter(captures)), "orderId": self.order})
        self.steps.pop(0)

    def refund(self, capture: str, value: str) -> None:
        """The merchant gives money back on PayPal's own site."""
        refund = NewRefund(amount=Amount(currency_code="USD", value=value))
        paypal.client().refund_capture(capture, refund, paypal.request_id(f"site:{capture}:{value}"))

    def act(self, what: str, which: int) -> None:
        """Do something in the shop."""
        if what == "capture":
            self.ada.capture(self.order)
        elif what == "event":
            events = self.shop.events(self.order)
            if events:
                self.shop.deliver(events[which % len(events)])
        elif what == "work":
            self.shop.run_jobs()
        elif what == "sweep":
            self.shop.sweep()

    def expected(self) -> str:
        """The final state by what PayPal has and by the events it sent."""
        statuses = self.shop.captures(self.order).values()
        if not statuses:
            return "voided"
        if "REVERSED" in self.capture_events():
            return "reversed"
        return {"COMPLETED": "captured", "DECLINED": "denied"}.get(next(iter(statuses)), next(iter(statuses)).lower())

    def capture_events(self) -> str:
        """Types of the events about captures."""
        events = self.shop.control(f"events?orderId={self.order}")["events"]
        return " ".join(event["type"] for event in events if "CAPTURE" in event["type"])


CASES = [
    *(("sqlite", name) for name in SCENARIOS),
    pytest.param("cosmos", "refunded in parts", marks=pytest.mark.processes),
]


@pytest.mark.parametrize(("documents", "name"), CASES, indirect=["documents"])
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=moves, shuffle=st.randoms(use_true_random=False))
def test_every_order_of_events_ends_in_the_same_state(shop: Shop, name: str, moves: list[Any], shuffle: Any) -> None:
    ada = shop.user()
    scenario = Scenario(shop, ada, ada.order(), list(SCENARIOS[name]))
    for what, which, write in moves:
        if what == "step":
            scenario.next()
        elif write is None:
            scenario.act(what, which)
        else:
            killed_before_write(write, lambda what=what, which=which: scenario.act(what, which))
    rounds = 0
    while scenario.steps:
        scenario.next()
        if scenario.steps and not shop.captures(scenario.order):
            shop.finish(scenario.order)
        rounds += 1
        assert rounds < 30, scenario.steps
    events = shop.events(scenario.order) * 2
    shuffle.shuffle(events)
    for event in events:
        assert shop.deliver(event).status == 200
        if shuffle.random() < 0.3:
            shop.run_jobs()
    shop.finish(scenario.order)

    payment = payment_of(scenario.order)
    state = scenario.expected()
    assert payment.status == state, payment.history
    refunded = payment.refunded_minor
    due = GRANTED.get(state, 10 - 10 * refunded // 499)
    account = credit_accounts.find(CREDITS_ID, ada.id) or CreditsDocument(user_id=ada.id)
    assert account.balance == due == payment.granted - payment.returned
    assert account.balance == account.bought - account.returned - account.spent
    assert len(ada.grants()) == (1 if account.bought else 0)
    assert len(shop.captures(scenario.order)) <= 1
    assert not payment.capture_requested and not payment.capture_unknown


@pytest.mark.parametrize("write", range(1, 9))
@pytest.mark.parametrize("who", ["client", "event"])
def test_a_process_killed_at_any_write_loses_and_repeats_nothing(shop: Shop, who: str, write: int) -> None:
    ada = shop.user()
    order = ada.approved()
    if who == "client":
        killed_before_write(write, lambda: ada.capture(order))
    else:
        killed_before_write(write, lambda: shop.handle(shop.events(order)[0]))
    shop.finish(order)
    assert ada.payment(order)["status"] == "captured" and ada.credits() == 10
    assert len(shop.captures(order)) == len(ada.grants()) == 1


def test_the_sweeper_alone_finishes_what_a_killed_capture_began(shop: Shop) -> None:
    """No event ever arrives: the payment's own due date brings it to its end, from every write on that claimed it."""
    for write in range(4, 10):
        ada = shop.user()
        order = ada.approved()
        killed_before_write(write, lambda ada=ada, order=order: ada.capture(order))
        if not shop.captures(order):
            continue

        def swept(ada: Buyer = ada) -> bool:
            shop.sweep()
            return ada.credits() == 10

        eventually(swept, "the credits")
        assert ada.payment(order)["status"] == "captured"
