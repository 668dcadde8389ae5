"""Timer triggers: schedule, start, past due, one instance only."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from quick import eventually

from emulators.functions_host.schedule import Schedule, ScheduleError


def _status(storage: Any, host_id: str, name: str) -> Any:
    path = f"timers/{host_id}/Host.Functions.{name}/status"
    return storage.blobs.get_blob_client("azure-webjobs-hosts", path)


@pytest.mark.processes
def test_ticks_run_on_one_of_two_instances(start_host: Callable[..., Any]) -> None:
    host = start_host(workers=2, TICK="* * * * * *")
    ticks = eventually(lambda: len(host.ledger("tick")) >= 3 and host.ledger("tick"), "three ticks")
    assert len({run["pid"] for run in ticks}) == 1
    assert not any(run["past_due"] for run in ticks)
    assert len(host.ledger("onStart")) == 1
    assert host.ledger("yearly") == []
    eventually(lambda: len(host.ledger("flaky")) == 3, "the retries")
    assert [run["retry"] for run in host.ledger("flaky")] == [0, 1, 2]


@pytest.mark.processes
def test_missed_run_is_made_up_once(start_host: Callable[..., Any], storage: Any) -> None:
    last = datetime(2020, 1, 1, tzinfo=UTC)
    stored = {
        "Last": last.isoformat(),
        "Next": datetime(2021, 1, 1, tzinfo=UTC).isoformat(),
        "LastUpdated": last.isoformat(),
    }
    storage.upload("azure-webjobs-hosts", "timers/late/Host.Functions.yearly/status", json.dumps(stored).encode())
    host = start_host(AzureFunctionsWebHost__hostid="late")
    (run,) = eventually(lambda: host.ledger("yearly"), "the missed run")
    assert run["past_due"] is True
    assert run["status"] == stored
    eventually(lambda: json.loads(_status(storage, "late", "yearly").download_blob().readall()) != stored)
    host.stop()
    written = json.loads(_status(storage, "late", "yearly").download_blob().readall())
    assert datetime.fromisoformat(written["Next"]) > datetime.now(UTC)

    again = start_host(AzureFunctionsWebHost__hostid="late")
    eventually(lambda: again.ledger("onStart"), "the start")
    again.stop()
    assert again.ledger("yearly") == []


@pytest.mark.processes
def test_changed_schedule_is_not_past_due_and_a_timer_can_be_started_by_hand(
    start_host: Callable[..., Any], storage: Any
) -> None:
    stored = {
        "Last": "2020-01-01T00:00:00+00:00",
        "Next": "2020-01-01T00:05:00+00:00",
        "LastUpdated": "2020-01-01T00:00:00+00:00",
    }
    storage.upload("azure-webjobs-hosts", "timers/moved/Host.Functions.yearly/status", json.dumps(stored).encode())
    host = start_host(AzureFunctionsWebHost__hostid="moved")
    blob = _status(storage, "moved", "yearly")
    eventually(lambda: json.loads(blob.download_blob().readall()) != stored, "a new status")
    assert host.ledger("yearly") == []
    address = f"{host.url}/admin/functions/yearly"
    assert requests.post(address, json={}, timeout=10).status_code == 401
    key = {"x-functions-key": "master"}
    assert requests.post(address, json={}, headers=key, timeout=10).status_code == 202
    eventually(lambda: host.ledger("yearly"), "the run")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 */5 * * * *", ["10:05:00", "10:10:00"]),
        ("*/20 * * * * *", ["10:01:20", "10:01:40"]),
        ("*/5 * * * *", ["10:05:00", "10:10:00"]),
        ("00:00:30", ["10:01:30", "10:02:00"]),
        ("0 0 12 * * Mon", ["12:00:00", "12:00:00"]),
        ("0 0 12 * * Mon-Fri,0", ["12:00:00", "12:00:00"]),
        ("0 10-20/5 17 1,2 Jan *", ["17:10:00", "17:15:00"]),
    ],
)
def test_schedules(schedule: str, expected: list[str]) -> None:
    moment, found = datetime(2026, 11, 21, 10, 1, tzinfo=UTC), []
    for _ in expected:
        moment = Schedule(schedule).after(moment)
        found.append(moment.strftime("%H:%M:%S"))
    assert found == expected


def test_day_of_month_and_day_of_week_must_both_match() -> None:
    moment = Schedule("0 0 9 1 * MON").after(datetime(2026, 11, 21, tzinfo=UTC))
    assert (moment.day, moment.weekday()) == (1, 0)


BEYOND_NCRONTAB = ("0 0 0 * * 7", "0 0 0 * * 5-7", "0 0 0 L * *", "0 0 0 ? * *", "0 0 0 * * Mon#1", "@daily")


@pytest.mark.parametrize("schedule", ["", "* * *", "99 * * * * *", "every day", "00:00:00", "1", *BEYOND_NCRONTAB])
def test_bad_schedules(schedule: str) -> None:
    with pytest.raises(ScheduleError):
        Schedule(schedule)
