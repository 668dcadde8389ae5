"""The state machine of payments alone: in whatever order states are reported, the highest one is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import clock
from shared.commerce.payment_documents import PaymentDocument, PaymentId, PaymentStatus, StatusChange
from shared.commerce.payment_state import PayPalState, credits_due, transition
from shared.commerce.paypal_models import Amount

CAPTURED_ONCE = (
    PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED, PaymentStatus.REVERSED,
)  # fmt: skip

states = st.lists(
    st.builds(
        lambda status, refunded: PayPalState(status, "C1" if status.ordinal > 1 else None, refunded),
        st.sampled_from(PaymentStatus),
        st.integers(0, 499),
    ),
    min_size=1,
    max_size=8,
)


def after(observed: list[PayPalState]) -> PaymentDocument:
    """A payment of 10 credits for 4.99 USD after these reports of PayPal's."""
    at = clock.iso()
    payment = PaymentDocument(
        id=PaymentId.of("p1"), user_id="u1", pack="small", credits=10, amount_minor=499, currency="USD",
        history=[StatusChange(at=at, status=PaymentStatus.CREATED, source="order")], created_at=at, updated_at=at,
    )  # fmt: skip
    for state in observed:
        payment = payment.with_changes(*transition(payment, state, "test"))
    return payment


@given(states, st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_in_the_same_state(observed: list[PayPalState], shuffle: Any) -> None:
    again = observed * 2
    shuffle.shuffle(again)
    first, second = after(observed), after(again)
    assert (first.status, first.refunded_minor) == (second.status, second.refunded_minor)
    assert credits_due(first) == credits_due(second)
    assert first.status == max((state.status for state in observed), key=lambda status: status.ordinal)


@given(states)
def test_a_payment_never_moves_down_and_its_history_shows_every_change(observed: list[PayPalState]) -> None:
    payment = after(observed)
    ordinals = [change.status.ordinal for change in payment.history]
    assert ordinals == sorted(set(ordinals))
    assert payment.history[-1].status == payment.status


@given(st.sampled_from(PaymentStatus), st.integers(0, 499))
def test_credits_are_bought_by_money_alone(status: PaymentStatus, refunded: int) -> None:
    payment = after([PayPalState(status, "C1", refunded)])
    bought, returned = credits_due(payment)
    assert bought == (10 if status in CAPTURED_ONCE else 0)
    assert 0 <= returned <= bought
    if bought and (status is PaymentStatus.REVERSED or refunded == 499):
        assert returned == bought


def test_a_payment_stored_under_the_former_names_loads() -> None:
    item = after([]).to_item()
    item["captureAsked"] = item.pop("captureRequested")
    assert not PaymentDocument.model_validate(item).capture_requested
    assert PaymentDocument.model_validate({**item, "captureAsked": True}).capture_requested


@pytest.mark.parametrize(("minor", "currency", "text"), [(499, "USD", "4.99"), (500, "JPY", "500"), (5, "EUR", "0.05")])
def test_amounts_are_written_with_the_decimals_of_their_currency(minor: int, currency: str, text: str) -> None:
    amount = Amount.of(minor, currency)
    assert amount.model_dump() == {"currency_code": currency, "value": text}
    assert (amount.minor, amount.currency_code) == (minor, currency)


@given(st.integers(0, 10**12), st.sampled_from(["USD", "EUR", "JPY", "HUF", "TWD"]))
def test_amounts_survive_the_round_trip(minor: int, currency: str) -> None:
    amount = Amount.model_validate_json(Amount.of(minor, currency).model_dump_json())
    assert (amount.minor, amount.currency_code) == (minor, currency)


@pytest.mark.parametrize(
    "given",
    [None, {}, "4.99", {"value": 4.99, "currency_code": "USD"}, {"value": "4.999", "currency_code": "USD"},
     {"value": "1.5", "currency_code": "JPY"}, {"value": "-1.00", "currency_code": "USD"},
     {"value": "1e3", "currency_code": "USD"}, {"value": "٤.99", "currency_code": "USD"}, {"value": "NaN"}],
)  # fmt: skip
def test_malformed_amounts_are_refused(given: Any) -> None:
    with pytest.raises(ValueError):
        _ = Amount.model_validate(given).minor
