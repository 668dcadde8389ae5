"""A provider that refuses our account: calls are held back, one probe at a time, one alert; it closes automatically."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from account_factory import new_account

from shared import clock
from shared.accounts.documents import accounts
from shared.documents import Where, store
from shared.errors import ConfigurationError, OperatorActionNeeded, StudioError, Unprocessable, UpstreamError
from shared.providers import circuit


@pytest.fixture
def time(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, to be moved on."""
    now = [1_800_000_000.0]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    accounts.create(new_account("boss", "admin"))
    return now


def call(error: StudioError | None = None, *, hold: bool = True) -> bool:
    """Whether the provider was called."""
    called = False
    try:
        with circuit.guarded("sky", hold=hold):
            called = True
            if error is not None:
                raise error
    except StudioError as seen:
        if error is None or not called:
            assert isinstance(seen, OperatorActionNeeded)
    return called


def alerts() -> list[str]:
    found = store().query("studio", Where("type", "=", "notification"), partition="boss").items
    return [one["data"]["reason"] for one in found]


REFUSED = OperatorActionNeeded("sky", "BILLING_DISABLED")


def test_it_opens_holds_back_probes_and_closes(time: list[float]) -> None:
    assert call() and call(REFUSED)
    assert [call(), call()] == [False, False]
    time[0] += 61
    assert call(REFUSED)
    assert not call()
    time[0] += 61
    assert call(UpstreamError("busy"))
    assert not call(), "a failure does not show that the account is accepted"
    time[0] += 61
    assert call()
    assert call() and call()
    assert alerts() == ["BILLING_DISABLED"]
    assert circuit.list_open() == []


def test_a_refusal_of_the_users_request_closes_it(time: list[float]) -> None:
    call(REFUSED)
    time[0] += 61
    assert call(Unprocessable("no"))
    assert call()


def test_only_one_of_many_probes(time: list[float]) -> None:
    call(REFUSED)
    time[0] += 61
    with ThreadPoolExecutor(8) as pool:
        called = list(pool.map(lambda _: call(UpstreamError("busy")), range(16)))
    assert called.count(True) == 1


def test_many_refusals_at_once_alert_once(time: list[float]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: call(REFUSED, hold=False), range(16)))
    assert alerts() == ["BILLING_DISABLED"]


def test_it_alerts_again_after_a_time_of_peace(time: list[float]) -> None:
    for wait in (61, 61, circuit.QUIET_S + 1):
        call(REFUSED)
        time[0] += 61
        call()
        time[0] += wait
    call(REFUSED)
    assert len(alerts()) == 2


def test_a_caller_who_waits_is_not_held_back_and_closes_it(time: list[float]) -> None:
    call(REFUSED)
    assert call(hold=False)
    assert call()


def test_a_missing_setting_is_the_operators_too(time: list[float]) -> None:
    with pytest.raises(OperatorActionNeeded) as caught, circuit.guarded("sky"):
        raise ConfigurationError("set SKY_KEY", code="sky_unconfigured")
    assert "SKY_KEY" not in caught.value.message
    assert alerts() == ["sky_unconfigured"]
    assert caught.value.retry_after == 0.5
