"""Quotas on a real store: exact under concurrent requests, and returned with what they paid for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from stores import both_stores

from shared import clock
from shared.commerce import quota, storage_quota
from shared.commerce.billable_documents import BillableDocument
from shared.documents import Create, Operation, store
from shared.errors import BatchFailed, DocumentConflict, PreconditionFailed

USER = "u1"


@pytest.fixture(autouse=True)
def empty(local: dict[str, str]) -> None:
    """An empty store; ten conversions a month."""


def take(user: str = USER) -> Operation:
    """The write that takes one of the month's conversions."""
    return next(quota.reservations(user)).operation


def give_back() -> Operation:
    return quota.release(BillableDocument(id="c1", user_id=USER, quota_id=quota.current_month()))


def commit(*operations: Operation) -> bool:
    try:
        store().batch("studio", USER, operations)
    except BatchFailed as failure:
        assert isinstance(failure.cause, PreconditionFailed)
        return False
    return True


@both_stores
def test_ten_of_forty_at_once_get_a_conversion() -> None:
    quota.open_month(USER)
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda n: commit(take(), Create({"id": f"c{n}", "userId": USER})), range(40)))
    assert sum(got) == 10
    assert quota.get_usage(USER) == (10, 10)
    assert store().count("studio", partition=USER) == 11


@both_stores
def test_opening_at_once_makes_one_counter_and_keeps_its_count() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: quota.open_month(USER), range(16)))) == 1
    commit(take())
    quota.open_month(USER)
    assert quota.get_usage(USER) == (1, 10)


def test_a_reservation_goes_with_what_it_was_for() -> None:
    quota.open_month(USER)
    store().create("studio", {"id": "c1", "userId": USER})
    with pytest.raises(BatchFailed) as failed:
        store().batch("studio", USER, [take(), Create({"id": "c1", "userId": USER})])
    assert isinstance(failed.value.cause, DocumentConflict)
    assert quota.get_usage(USER) == (0, 10)


def test_what_is_given_back_can_be_used_again() -> None:
    quota.open_month(USER)
    assert [commit(take()) for _ in range(11)] == [True] * 10 + [False]
    commit(give_back())
    assert [commit(take()) for _ in range(2)] == [True, False]


def test_a_charge_ignores_the_limit() -> None:
    month = quota.open_month(USER)
    for _ in range(12):
        charged = quota.charge(USER)
        assert (charged.paid_by, charged.quota_id) == ("quota", month)
        assert commit(charged.operation)
    assert quota.get_usage(USER) == (12, 10)
    assert not commit(take())


def test_every_user_has_a_quota_of_their_own() -> None:
    quota.open_month(USER)
    commit(take())
    assert quota.get_usage("u2") == (0, 10)


def test_a_month_ends_at_midnight_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    last = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    monkeypatch.setattr(clock, "now", lambda: last)
    december = quota.open_month(USER)
    commit(take())
    monkeypatch.setattr(clock, "now", lambda: last + 1)
    assert (december, quota.current_month()) == ("quota:2026-12", "quota:2027-01")
    assert quota.get_usage(USER) == (0, 10)


def test_an_exceeded_quota_says_which() -> None:
    error = quota.exceeded_error()
    assert (error.status, error.code, error.retryable) == (429, "quota_exceeded", False)
    assert error.details == {"limit": 10, "period": quota.current_month().public}


def test_images_and_bytes_are_both_limits(change: Any) -> None:
    change(UPLOAD_QUOTA_IMAGES="2", UPLOAD_QUOTA_BYTES="1000")
    storage_quota.open_usage(USER)
    assert commit(storage_quota.reserve(1, 1000))
    assert not commit(storage_quota.reserve(1, 1))
    assert commit(storage_quota.reserve(1, 0))
    assert not commit(storage_quota.reserve(1, 0))
    commit(storage_quota.release(1, 600))
    assert not commit(storage_quota.reserve(1, 601))
    assert commit(storage_quota.reserve(1, 600))
    assert not commit(storage_quota.reserve(0, 1))
    usage = storage_quota.get_usage(USER)
    assert (usage.images, usage.bytes) == (2, 1000)
    assert storage_quota.exceeded_error().details == {"images": 2, "bytes": 1000}


@both_stores
def test_the_storage_quota_is_exact_under_a_race(change: Any) -> None:
    change(UPLOAD_QUOTA_BYTES="1000")
    storage_quota.open_usage(USER)
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: commit(storage_quota.reserve(1, 90)), range(40))) == 11


def test_a_quota_of_zero_allows_nothing(change: Any) -> None:
    change(CONVERSION_QUOTA="0", UPLOAD_QUOTA_IMAGES="0")
    quota.open_month(USER)
    storage_quota.open_usage(USER)
    assert not commit(take())
    assert not commit(storage_quota.reserve(1, 0))
