"""Credits and the month's free conversions: granted once, spent once, exact under races."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared import clock
from shared.commerce import credits, quota
from shared.documents import Create, Where, store
from shared.errors import BatchFailed, PreconditionFailed

USER = "u1"


@pytest.fixture(autouse=True)
def three_free(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.settings import forget

    monkeypatch.setenv("CONVERSION_QUOTA", "3")
    forget()


def grant(returned: int = 0, capture: str = "C1", bought: int = 4) -> None:
    credits.settle(USER, capture, bought=bought, returned=returned, payment_id="payment:p1")


def account() -> dict[str, int]:
    found = store().read("studio", credits.ACCOUNT, USER)
    assert found["balance"] == found["bought"] - found["returned"] - found["spent"]
    return found


def reserve() -> str | None:
    """Reserve as a conversion does; what paid for it."""
    for reservation in quota.reservations(USER):
        record = {"id": f"conversion:{clock.new_id()}", "userId": USER, "type": "conversion", **reservation.fields}
        try:
            return store().batch("studio", USER, [reservation.take, Create(record)])[1]["paidBy"]
        except BatchFailed as failure:
            assert failure.index == 0 and isinstance(failure.cause, PreconditionFailed)
    return None


def test_a_capture_is_granted_once_however_many_tell_of_it_at_once() -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: grant(), range(64)))
    assert account()["balance"] == 4
    grant(capture="C2")
    assert account()["balance"] == 8


def test_refunds_told_at_once_and_out_of_order_take_back_the_most_once() -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(grant, [3, 0, 2, 1, 3, 2, 0, 1] * 4))
    assert account()["balance"] == 1 and account()["returned"] == 3


def test_a_capture_that_was_refunded_before_we_heard_of_it_nets_to_nothing() -> None:
    grant(returned=4)
    assert account()["balance"] == 0 and account()["bought"] == 4


def test_fifty_at_once_with_three_free_and_four_credits_accept_seven() -> None:
    grant()
    with ThreadPoolExecutor(16) as pool:
        paid = list(pool.map(lambda _: reserve(), range(50)))
    assert sorted(filter(None, paid)) == ["credit"] * 4 + ["quota"] * 3
    assert account()["balance"] == 0 and quota.standing(USER) == (3, 3)
    assert store().count("studio", Where("type", "=", "conversion"), partition=USER) == 7


def test_what_was_taken_is_what_comes_back() -> None:
    grant()
    for _ in range(5):
        reserve()
    made = store().query("studio", Where("type", "=", "conversion"), partition=USER).items
    assert (account()["balance"], quota.standing(USER)[0]) == (2, 3)
    for conversion in made:
        store().batch("studio", USER, [quota.give_back(conversion)])
    assert (account()["balance"], quota.standing(USER)[0]) == (4, 0)


def test_a_redriven_conversion_never_costs_a_credit() -> None:
    grant()
    for _ in range(5):
        reserve()
    charged = quota.charge(USER)
    assert charged.fields["paidBy"] == "quota"
    store().batch("studio", USER, [charged.take])
    assert account()["balance"] == 2 and quota.standing(USER) == (4, 3)


def test_the_balance_is_below_zero_only_with_an_audit_entry() -> None:
    grant()
    for _ in range(6):
        reserve()
    overdrawn = (Where("action", "=", "CREDITS_OVERDRAWN"),)
    grant(returned=1)
    assert account()["balance"] == 0 and not store().count("audit", *overdrawn, partition=USER)
    for _ in range(2):
        grant(returned=4)
    assert account()["balance"] == -3 and store().count("audit", *overdrawn, partition=USER) == 1
    assert reserve() is None
