"""Any permutation and duplication of an order's events, between capture calls and killed processes, ends alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from paypal_shop import Buyer, Shop, dying
from quick import eventually

from shared.documents import Where, store

STORIES: dict[str, tuple[str, ...]] = {
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
    "disputed": ("approve", "capture", "dispute", "settled"),
}
"""What happens at PayPal, in order; `capture` waits for a capture however it comes about."""
GRANTED = {"captured": 10, "refunded": 0, "reversed": 0, "denied": 0, "voided": 0}

moves = st.lists(
    st.tuples(
        st.sampled_from(["story", "story", "capture", "event", "event", "work", "sweep"]),
        st.integers(0, 7),
        st.one_of(st.none(), st.integers(1, 9)),
    ),
    max_size=14,
)


@dataclass
class Play:
    """One order's story at PayPal, and what the shop hears and does of it meanwhile."""

    shop: Shop
    ada: Buyer
    order: str
    steps: list[str]

    def next(self) -> None:
        """Let the next thing happen at PayPal; a step that needs a capture waits for one."""
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
        elif step in ("dispute", "settled"):
            kind = f"CUSTOMER.DISPUTE.{'CREATED' if step == 'dispute' else 'RESOLVED'}"
            self.shop.signed({"type": kind, "captureId": next(iter(captures)), "orderId": self.order})
        self.steps.pop(0)

    def refund(self, capture: str, value: str) -> None:
        """The merchant gives money back at PayPal's own site."""
        from shared.commerce import paypal

        amount = {"amount": {"currency_code": "USD", "value": value}}
        paypal.client().refund(capture, amount, paypal.request_id(f"site:{capture}:{value}"))

    def act(self, what: str, which: int) -> None:
        """Something the shop does."""
        if what == "capture":
            self.ada.capture(self.order)
        elif what == "event":
            events = self.shop.events(self.order)
            if events:
                self.shop.deliver(events[which % len(events)])
        elif what == "work":
            self.shop.work()
        elif what == "sweep":
            self.shop.sweep()

    def expected(self) -> str:
        """The state by what PayPal has in the end and what it told of it."""
        statuses = self.shop.captures(self.order).values()
        if not statuses:
            return "voided"
        if "REVERSED" in self.told():
            return "reversed"
        return {"COMPLETED": "captured", "DECLINED": "denied"}.get(next(iter(statuses)), next(iter(statuses)).lower())

    def told(self) -> str:
        return " ".join(
            e["type"] for e in self.shop.control(f"events?orderId={self.order}")["events"] if "CAPTURE" in e["type"]
        )


@pytest.mark.parametrize("story", STORIES)
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=moves, shuffle=st.randoms(use_true_random=False))
def test_every_order_of_things_ends_alike(shop: Shop, story: str, moves: list[Any], shuffle: Any) -> None:
    ada = shop.user()
    play = Play(shop, ada, ada.order(), list(STORIES[story]))
    for what, which, write in moves:
        if what == "story":
            play.next()
        elif write is None:
            play.act(what, which)
        else:
            dying(write, lambda what=what, which=which: play.act(what, which))
    rounds = 0
    while play.steps:
        play.next()
        if play.steps and not shop.captures(play.order):
            shop.settle(play.order)
        rounds += 1
        assert rounds < 30, play.steps
    events = shop.events(play.order) * 2
    shuffle.shuffle(events)
    for event in events:
        assert shop.deliver(event).status == 200
        if shuffle.random() < 0.3:
            shop.work()
    shop.settle(play.order)

    payment = store().query("payments", Where("orderId", "=", play.order)).items[0]
    state = play.expected()
    assert payment["status"] == state, payment["history"]
    refunded = payment["refundedMinor"]
    due = GRANTED.get(state, 10 - 10 * refunded // 499)
    account = store().find("studio", "credits", ada.id) or {"balance": 0, "bought": 0, "returned": 0, "spent": 0}
    assert account["balance"] == due == payment["granted"] - payment["returned"]
    assert account["balance"] == account["bought"] - account["returned"] - account["spent"]
    assert len(ada.grants()) == (1 if account["bought"] else 0)
    assert len(shop.captures(play.order)) <= 1
    assert not payment["captureAsked"] and not payment["captureUnknown"]


@pytest.mark.parametrize("write", range(1, 9))
@pytest.mark.parametrize("who", ["client", "event"])
def test_a_process_killed_at_any_write_loses_and_doubles_nothing(shop: Shop, who: str, write: int) -> None:
    ada = shop.user()
    order = ada.approved()
    if who == "client":
        dying(write, lambda: ada.capture(order))
    else:
        dying(write, lambda: shop.tell(shop.events(order)[0]))
    shop.settle(order)
    assert ada.payment(order)["status"] == "captured" and ada.credits() == 10
    assert len(shop.captures(order)) == len(ada.grants()) == 1


def test_the_sweeper_alone_finishes_what_a_killed_capture_began(shop: Shop) -> None:
    """No event ever arrives: the payment's own due date brings it to its end, from every write on that claimed it."""
    for write in range(4, 10):
        ada = shop.user()
        order = ada.approved()
        dying(write, lambda ada=ada, order=order: ada.capture(order))
        if not shop.captures(order):
            continue

        def swept(ada: Buyer = ada) -> bool:
            shop.sweep()
            return ada.credits() == 10

        eventually(swept, "the credits")
        assert ada.payment(order)["status"] == "captured"
