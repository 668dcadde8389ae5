"""What a month costs: the goal holds, follows `infra/`, and is what the documentation says; counts are real ones."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import cost
from cli.infra.bicep import parse_file
from cli.infra.syntax import Array, Object, text

ROOT = Path(__file__).resolve().parents[2]


def test_an_idle_month_stays_below_the_goal_without_free_grants() -> None:
    figures = cost.main()
    assert figures["ok"]
    assert figures["idle_month"]["total"] < cost.IDLE_GOAL_USD < figures["idle_month_before"]["total"]
    assert figures["functions_that_scale_alone"] <= 10


@pytest.mark.parametrize(
    "change", [{"always_ready": 1}, {"sweeps": 30 * 24 * 60 * 6}, {"memory_gb": 8.0}, {"queues": 40}]
)
def test_what_would_cost_more_is_more(change: dict[str, float]) -> None:
    now = cost.plan()
    dearer = cost.idle(replace(now, **change))["total"]
    assert dearer > cost.idle(now)["total"]
    assert dearer > cost.IDLE_GOAL_USD


@pytest.mark.parametrize(
    ("schedule", "runs"),
    [("0 * * * * *", 43800), ("0 */2 * * * *", 21900), ("*/30 * * * * *", 87600), ("0 30 3 * * *", 30)],
)
def test_schedules_are_counted(schedule: str, runs: int) -> None:
    assert cost.runs_a_month(schedule) == runs


class Calls(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r"Request URL: '(\S+)'\nRequest method: '(\w+)'", record.getMessage()):
            self.seen.append(f"{found[2]} {found[1]}")


@pytest.fixture
def calls() -> Iterator[Calls]:
    """What the Azure SDKs send."""
    logger, handler = logging.getLogger("azure.core.pipeline.policies.http_logging_policy"), Calls()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_an_idle_sweep_makes_the_storage_calls_that_are_reckoned_with(local: dict[str, str], calls: Calls) -> None:
    from functions.jobs import sweeps

    sweeps.run(sweeps.SWEEPS)  # makes queues and containers
    calls.seen.clear()
    sweeps.run(sweeps.SWEEPS)
    assert 0 < len(calls.seen) <= cost.SWEEP_STORAGE_CALLS, calls.seen


def test_the_page_has_the_figures_of_the_command() -> None:
    assert cost.page() == cost.PAGE.read_text(), "run python -m bench.cost"


def test_alerts_look_for_lines_that_are_logged() -> None:
    rules = parse_file(ROOT / "infra/app/alerts.bicep").variables["rules"].value
    assert isinstance(rules, Array)
    names = {text(rule.get("name")) for rule in rules.items if isinstance(rule, Object)}
    assert names >= {"dead-letters", "refused-engines", "failed-sweeps"}
    code = "\n".join(
        path.read_text() for top in ("shared", "functions", "vto_container") for path in (ROOT / top).rglob("*.py")
    )
    for rule in rules.items:
        assert isinstance(rule, Object)
        events = re.findall(r'"([^"]+)"', text(rule.get("events")) or "")
        assert events
        for event in events:
            assert f'telemetry.log("{event}"' in code, event
