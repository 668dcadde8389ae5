"""The state machine of payments, on its own: whatever is seen in whatever order, the highest stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.commerce import money, payments
from shared.commerce.payments import Seen
from shared.settings import CreditPack

PACK = CreditPack(credits=10, price_minor=499, currency="USD")
CAPTURED_ONCE = (payments.CAPTURED, payments.PARTIALLY_REFUNDED, payments.REFUNDED, payments.REVERSED)

sights = st.lists(
    st.builds(
        lambda status, refunded: Seen(status, "C1" if payments.rank(status) > 1 else None, refunded),
        st.sampled_from(payments.STATES),
        st.integers(0, 499),
    ),
    min_size=1,
    max_size=8,
)


def after(seen: list[Seen]) -> dict[str, Any]:
    payment = payments.new("p1", "u1", "small", PACK, None)
    for sight in seen:
        payment |= payments.moved(payment, sight, "test")
    return payment


@given(sights, st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_in_the_same_state(seen: list[Seen], shuffle: Any) -> None:
    again = seen * 2
    shuffle.shuffle(again)
    first, second = after(seen), after(again)
    for field in ("status", "refundedMinor"):
        assert first[field] == second[field]
    assert payments.due(first) == payments.due(second)
    assert first["status"] == max((s.status for s in seen), key=payments.rank)


@given(sights)
def test_a_payment_never_moves_down_and_its_history_says_how_it_went(seen: list[Seen]) -> None:
    payment = after(seen)
    ranks = [payments.rank(entry["status"]) for entry in payment["history"]]
    assert ranks == sorted(set(ranks))
    assert payment["history"][-1]["status"] == payment["status"]


@given(st.sampled_from(payments.STATES), st.integers(0, 499))
def test_credits_are_bought_by_money_alone(status: str, refunded: int) -> None:
    payment = after([Seen(status, "C1", refunded)])
    bought, returned = payments.due(payment)
    assert bought == (10 if status in CAPTURED_ONCE else 0)
    assert 0 <= returned <= bought
    if bought and (status == payments.REVERSED or refunded == 499):
        assert returned == bought


@pytest.mark.parametrize(("minor", "currency", "text"), [(499, "USD", "4.99"), (500, "JPY", "500"), (5, "EUR", "0.05")])
def test_amounts_are_written_with_the_decimals_of_their_currency(minor: int, currency: str, text: str) -> None:
    assert money.amount(minor, currency) == {"currency_code": currency, "value": text}
    assert money.read(money.amount(minor, currency)) == (minor, currency)


@given(st.integers(0, 10**12), st.sampled_from(["USD", "EUR", "JPY", "HUF", "TWD"]))
def test_amounts_survive_the_way(minor: int, currency: str) -> None:
    assert money.read(money.amount(minor, currency)) == (minor, currency)


@pytest.mark.parametrize(
    "given",
    [None, {}, "4.99", {"value": 4.99, "currency_code": "USD"}, {"value": "4.999", "currency_code": "USD"},
     {"value": "1.5", "currency_code": "JPY"}, {"value": "-1.00", "currency_code": "USD"},
     {"value": "1e3", "currency_code": "USD"}, {"value": "٤.99", "currency_code": "USD"}, {"value": "NaN"}],
)  # fmt: skip
def test_what_is_no_amount(given: Any) -> None:
    with pytest.raises(ValueError):
        money.read(given)
