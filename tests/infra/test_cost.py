"""What a month costs: the goal holds, follows `infra/`, and is what the documentation says; counts are real ones."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from stores import on_cosmos

from bench import _request_units_meter, ceilings, cost
from cli.infra.bicep import parse_file
from cli.infra.syntax import Array, Object, text
from emulators.azurite import Azurite
from functions.jobs.settings import SweepSettings
from shared import blobs, clock
from shared.catalogue.documents import ProductDocument, ProductId, ProductStatus, products

ROOT = Path(__file__).resolve().parents[2]
SHELF = 40
"""Products on offer."""


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


@pytest.fixture
def no_blobs(azurite: Azurite) -> None:
    """Storage without what other tests of the process have left for sweeps."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        for container in service.list_containers():
            with service.get_container_client(container.name) as client:
                for name in client.list_blob_names():
                    client.delete_blob(name)


def test_an_idle_sweep_makes_the_storage_calls_that_are_reckoned_with(
    local: dict[str, str], no_blobs: None, calls: Calls
) -> None:
    from functions.jobs import sweeps

    def called_by(*due: sweeps.Sweep) -> list[str]:
        calls.seen.clear()
        sweeps.run([replace(sweep, every_s=None) for sweep in due])
        return list(calls.seen)

    called_by(*sweeps.SWEEPS)  # makes queues and containers
    often = called_by(*(sweep for sweep in sweeps.SWEEPS if sweep.every_s is None))
    seldom = called_by(*(sweep for sweep in sweeps.SWEEPS if sweep.every_s is not None))
    listed = [[call for call in found if "/messages" not in call] for found in (often, seldom)]
    assert len(often) - len(listed[0]) == cost.SWEEP_QUEUE_CALLS, often
    assert len(listed[0]) == cost.SWEEP_LISTINGS, often
    assert len(listed[1]) == len(seldom) == cost.SELDOM_LISTINGS, seldom


def charges(local: dict[str, str]) -> dict[tuple[str, str], float]:
    """Request units so far by container and operation."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for one in _request_units_meter.charges(local["COSMOS_ENDPOINT"]):
        found[one["container"], one["operation"]] += one["ru"]
    return found


@on_cosmos
def test_idle_sweeps_cost_the_request_units_that_are_reckoned_with(local: dict[str, str]) -> None:
    from functions.jobs import sweeps

    def cost_of(*due: sweeps.Sweep) -> float:
        before = charges(local)
        sweeps.run([replace(sweep, every_s=None) for sweep in due])
        return sum(charges(local).values()) - sum(before.values())

    for container in (blobs.UPLOADS, blobs.VENDOR_UPLOADS):
        for left in blobs.listing(container):  # by other tests
            blobs.delete(container, left.name)
    cost_of(*sweeps.SWEEPS)  # makes what the first sweep makes
    often = [sweep for sweep in sweeps.SWEEPS if sweep.every_s is None]
    seldom = [sweep for sweep in sweeps.SWEEPS if sweep.every_s is not None]
    assert sweeps.PRIVACY_EVERY_S == SweepSettings.model_fields["catalogue_sweep_s"].default == cost.SELDOM_S
    found = {"often": cost_of(*often), "seldom": cost_of(*seldom)}
    assert found == pytest.approx({"often": cost.SWEEP_RU, "seldom": cost.SELDOM_SWEEP_RU}, rel=0.1), (
        "set the constants to these, and run python -m bench.cost"
    )


@on_cosmos
def test_a_sweep_of_the_catalogue_costs_what_changed(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.catalogue import reconcile

    def cost_of_a_pass() -> float:
        before = charges(local)
        assert reconcile.reconcile() == reconcile.Reconciled(0, 0, 0)
        return sum(charges(local).values()) - sum(before.values())

    for file in blobs.listing(blobs.VENDOR_UPLOADS):
        # What other tests have left would be recorded.
        blobs.delete(blobs.VENDOR_UPLOADS, file.name)
    for number in range(SHELF):
        add_product(f"sku-{number}")
    first = cost_of_a_pass()
    start = clock.now()
    monkeypatch.setattr(clock, "now", lambda: start + reconcile.OVERLAP_S + 1)
    assert cost_of_a_pass() > first / 2, "what was written before the pass is read once more"
    monkeypatch.setattr(clock, "now", lambda: start + 2 * reconcile.OVERLAP_S + 2)
    assert cost_of_a_pass() <= cost.SELDOM_SWEEP_RU


def add_product(sku: str) -> None:
    at = clock.iso()
    products.create(
        ProductDocument(
            id=ProductId(f"product-{sku}"), vendor_id="ada", sku=sku, status=ProductStatus.AWAITING_IMAGE, revision=1,
            description="x" * 2000, created_at=at, updated_at=at,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("app/api.bicep", "perInstanceConcurrency:", ceilings.CONCURRENT),
        ("app/api.bicep", "maximumInstanceCount:", ceilings.MOST_INSTANCES),
        ("main.bicep", "param vtoMaxReplicas int =", ceilings.MOST_REPLICAS),
    ],
)
def test_ceilings_reckon_with_what_is_deployed(file: str, name: str, value: int) -> None:
    assert re.findall(rf"{name} (\d+)", (ROOT / "infra" / file).read_text()) == [str(value)]


def test_more_requests_need_more_and_what_is_above_a_limit_is_named() -> None:
    rows = ceilings.main()["rates"]
    assert [row["requests_per_second"] for row in rows] == list(ceilings.RATES)
    assert sum(ceilings.MIX.values()) == pytest.approx(1)
    for row in rows:
        over = row["busiest_ru_per_second"] > ceilings.SERVERLESS_RU
        assert row["serverless_is_enough"] is not over
        assert any("autoscale" in step for step in row["switch_on"]) is over
        assert (row["busiest_container"] in row["over_serverless"]) is over
    assert [row["ru_per_second"] for row in rows] == sorted(row["ru_per_second"] for row in rows)
    assert rows[-1]["ru_per_second"] == pytest.approx(100 * rows[0]["ru_per_second"], rel=0.01)


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
