"""What a month in Azure costs: idle, and with 100,000 try-ons, from published prices (`bench/prices.json`) and from
what `infra/` sets up. Counts that the code decides are held by a test; the rest is assumed and listed here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench import ceilings
from cli.infra.bicep import parse_file
from cli.infra.syntax import Array, File, Literal, Object, text, walk
from cli.scaling import GROUPS, scaling_groups

ROOT: Final = Path(__file__).resolve().parents[1]
HOURS: Final = 730
"""Of a month, as Azure's calculator counts."""
SECONDS: Final = HOURS * 3600
IDLE_GOAL_USD: Final = 3.0

POLL_S: Final = 10
"""Assumed: seconds between two looks of the scale controller at an empty queue. Not published."""
SWEEP_QUEUE_CALLS: Final = 5
"""Of the sweeps of every run that find nothing, held by a test: reads of poison queues and of delivery reports."""
SWEEP_LISTINGS: Final = 1
"""The same for listings of blobs."""
SELDOM_LISTINGS: Final = 2
"""Listings of blobs of the sweeps that run every `SELDOM_S`, held by a test."""
SWEEP_RU: Final = 71
"""Request units of the sweeps of every run that find nothing; measured, on containers of three physical partitions. A
test repeats it."""
SELDOM_SWEEP_RU: Final = 24
"""The same of the sweeps that run every `SELDOM_S`."""
SELDOM_S: Final = 300
TIMER_BLOB_CALLS: Final = 4
"""Of one tick in the host (TimerListener.cs, ScheduleMonitor.cs): status read and written, lock renewed twice."""
HOST_CALLS_A_MINUTE: Final = 6
"""Renewals of the host's own lease while an instance is awake; assumed to be awake all the time."""


@dataclass(frozen=True)
class TryOn:
    """What one try-on takes. Assumed, at no sharing of instances; the measured figures are in docs/benchmarks.md."""

    http_calls: int = 6
    """Sign-in shared by several try-ons, upload, request, two polls, result."""
    http_s: float = 0.4
    worker_s: float = 8.0
    """The interactive worker waits for the container."""
    deliveries: int = 3
    container_s: float = 6.0
    """On 2 vCPU and 4 GiB."""
    request_units: float = field(default_factory=lambda: ceilings.measured()["flows"]["try-on"]["ru"])
    """Measured."""
    storage_calls: int = 60
    blob_writes: int = 12
    egress_mb: float = 1.5
    log_kb: float = 8.0


def prices() -> dict[str, Any]:
    """The published prices, with their sources and date."""
    return json.loads((ROOT / "bench" / "prices.json").read_text())


@dataclass(frozen=True)
class Plan:
    """What `infra/` sets up, as far as it costs."""

    memory_gb: float
    always_ready: int
    sweeps: int
    """Runs of the sweeper a month."""
    queues: int
    """Queues that the scale controller looks at."""
    alone: int
    """Functions that scale alone."""
    push_tier: str
    alerts: int


def plan(infra: Path = ROOT / "infra") -> Plan:
    """Read the plan from the Bicep files."""
    api, main = parse_file(infra / "app/api.bicep"), parse_file(infra / "main.bicep")
    groups = scaling_groups()
    workers = [name for name in groups if name not in GROUPS.values()]
    memory = _property(api, "instanceMemoryMB")
    ready = _property(api, "alwaysReady")
    count = 0
    for one in ready.items if isinstance(ready, Array) else ():
        instances = one.get("instanceCount") if isinstance(one, Object) else None
        count += instances.value if isinstance(instances, Literal) and isinstance(instances.value, int) else 0
    schedule = text(_property(api, "SWEEP_SCHEDULE")) or ""
    assert isinstance(memory, Literal) and isinstance(memory.value, int)
    return Plan(
        memory_gb=memory.value / 1024,
        always_ready=count,
        sweeps=runs_a_month(schedule),
        queues=sum(name.endswith("_worker") for name in workers),
        alone=len(workers),
        push_tier=text(main.parameters["pushTier"].default) or "",
        alerts=_alerts(infra),
    )


def _property(file: File, name: str) -> Any:
    values = [*(one.value for one in file.variables.values()), *(one.body for one, _ in file.all_resources())]
    for value in values:
        for node in walk(value):
            if isinstance(node, Object) and (found := node.get(name)) is not None:
                return found
    raise KeyError(name)


def _alerts(infra: Path) -> int:
    path = infra / "app/alerts.bicep"
    if not path.is_file():
        return 0
    file = parse_file(path)
    rules = file.variables["rules"].value
    return len(rules.items) if isinstance(rules, Array) else 0


def runs_a_month(schedule: str) -> int:
    """How often an NCRONTAB expression fires in 730 hours."""
    from croniter import croniter

    start = datetime(2026, 1, 1, tzinfo=UTC)
    day = start + timedelta(days=1)
    ticks, count = croniter(schedule, start - timedelta(seconds=1), second_at_beginning=True), 0
    while ticks.get_next(datetime) < day:
        count += 1
    return round(count * HOURS / 24)


def idle(what: Plan, *, free_grants: bool = False) -> dict[str, float]:
    """USD of a month without any traffic: what the app's own design causes.

    Args:
        free_grants: with the subscription's free seconds and executions, which all its apps share.
    """
    cost = prices()
    functions, storage = cost["functions"], cost["storage"]
    runs = what.sweeps + round(HOURS / 24)
    gb_s = runs * functions["least_s"] * what.memory_gb
    if free_grants:
        gb_s, runs = max(0, gb_s - functions["free_gb_s"]), max(0, runs - functions["free_executions"])
    seldom = SECONDS / SELDOM_S
    queue_calls = what.queues * SECONDS / POLL_S + what.sweeps * SWEEP_QUEUE_CALLS
    # A listing costs what a write does.
    blob_writes = what.sweeps * (1 + SWEEP_LISTINGS) + seldom * SELDOM_LISTINGS
    blob_calls = what.sweeps * TIMER_BLOB_CALLS + HOURS * 60 * HOST_CALLS_A_MINUTE
    parts = {
        "memory": gb_s * functions["gb_s"],
        "executions": runs / 1e6 * functions["million_executions"],
        "always_ready": what.always_ready * what.memory_gb * SECONDS * functions["always_ready_gb_s"],
        "storage_transactions": queue_calls / 1e4 * storage["queue_10k"] + blob_calls / 1e4 * storage["blob_read_10k"]
        + blob_writes / 1e4 * storage["blob_write_10k"],
        "cosmos": (what.sweeps * SWEEP_RU + seldom * SELDOM_SWEEP_RU) / 1e6 * cost["cosmos"]["million_ru"],
    }  # fmt: skip
    return _total(parts)


def fixed(what: Plan) -> dict[str, float]:
    """USD of a month for resources that cost the same whether they are used or not."""
    cost = prices()
    network = cost["network"]
    parts = {
        "try_on_network": HOURS * (2 * network["load_balancer_hour"] + network["public_ip_hour"]),
        "dns_zone": network["dns_zone_month"],
        "registry": cost["registry"]["basic_day"] * HOURS / 24,
        "web_pubsub": cost["web_pubsub"][f"{what.push_tier}_day"] * HOURS / 24,
        "alerts": what.alerts * cost["monitor"]["log_alert_15_min_month"],
    }
    return _total(parts)


def tryons(count: int, what: Plan, one: TryOn | None = None) -> dict[str, float]:
    """USD for try-ons by the engine `compact`, beside what an idle month costs; with all free grants."""
    one = one or TryOn()
    cost = prices()
    functions, storage, apps = cost["functions"], cost["storage"], cost["container_apps"]
    network, monitor = cost["network"], cost["monitor"]
    least = functions["least_s"]
    seconds = one.http_calls * max(least, one.http_s) + max(least, one.worker_s) + one.deliveries * least
    gb_s = count * seconds * what.memory_gb
    runs = count * (one.http_calls + 1 + one.deliveries)
    busy = count * one.container_s
    parts = {
        "memory": max(0, gb_s - functions["free_gb_s"]) * functions["gb_s"],
        "executions": max(0, runs - functions["free_executions"]) / 1e6 * functions["million_executions"],
        "container": max(0, busy * 2 - apps["free_vcpu_s"]) * apps["vcpu_s"]
        + max(0, busy * 4 - apps["free_gib_s"]) * apps["gib_s"],
        "cosmos": count * one.request_units / 1e6 * cost["cosmos"]["million_ru"],
        "storage_transactions": count * one.storage_calls / 1e4 * storage["queue_10k"]
        + count * one.blob_writes / 1e4 * storage["blob_write_10k"],
        "egress": max(0, count * one.egress_mb / 1024 - network["free_egress_gb"]) * network["egress_gb"],
        "logs": max(0, count * one.log_kb / 1024**2 - monitor["free_log_gb"]) * monitor["log_gb"],
    }  # fmt: skip
    return _total(parts)


def _total(parts: dict[str, float]) -> dict[str, float]:
    rounded = {name: round(value, 2) for name, value in parts.items()}
    return {**rounded, "total": round(sum(parts.values()), 2)}


def before() -> Plan:
    """The plan that decision 22 replaced: a queue function for each kind and poison queue, six timers, one instance
    kept ready."""
    now = plan()
    per_minute = runs_a_month("0 * * * * *")
    return Plan(now.memory_gb, 1, 3 * per_minute + runs_a_month("30 */5 * * * *"), 22, 28, now.push_tier, now.alerts)


def main() -> dict[str, Any]:
    """All figures. `ok`: an idle month stays below the goal without any free grant."""
    now = plan()
    without_grants = idle(now)
    return {
        "prices": {"as_of": prices()["as_of"], "region": prices()["region"], "currency": prices()["currency"]},
        "functions_that_scale_alone": now.alone,
        "queues_polled": now.queues,
        "idle_month": without_grants,
        "idle_month_with_free_grants": idle(now, free_grants=True),
        "idle_month_before": idle(before()),
        "fixed_month": fixed(now),
        "tryons_100000": tryons(100_000, now),
        "ceilings": ceilings.main(),
        "goal_usd": IDLE_GOAL_USD,
        "ok": without_grants["total"] < IDLE_GOAL_USD,
    }


PAGE: Final = ROOT / "docs" / "deploy.md"
_WORDS: Final = {
    "memory": "memory (GB-s of functions)",
    "executions": "executions",
    "always_ready": "instances always ready",
    "storage_transactions": "storage transactions",
    "cosmos": "Cosmos DB request units",
    "container": "try-on container (2 vCPU, engine `compact`)",
    "egress": "traffic to shoppers",
    "logs": "logs",
    "try_on_network": "network of the try-on container (2 load balancers, 1 address)",
    "dns_zone": "private DNS zone",
    "registry": "container registry",
    "web_pubsub": "Web PubSub, tier Free_F1",
    "alerts": "alert rules",
    "total": "**total**",
}


def table(figures: dict[str, Any] | None = None) -> str:
    """The Markdown table of a month: idle, fixed, and what 100,000 try-ons add."""
    figures = figures or main()
    columns = [figures[name] for name in ("idle_month", "idle_month_with_free_grants", "fixed_month", "tryons_100000")]
    lines = [
        "| USD a month | idle, without free grants | idle, with free grants | fixed | 100,000 try-ons add |",
        "|---|---|---|---|---|",
    ]
    for name, words in _WORDS.items():
        cells = [f"{column[name]:.2f}" if name in column else "" for column in columns]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page() -> str:
    """The documentation with new tables."""
    found = PAGE.read_text()
    for name, content in {"cost": table(), "ceilings": ceilings.table(), "routes": ceilings.routes_table()}.items():
        start, end = f"<!-- {name}: written by `python -m bench.cost` -->", f"<!-- end of {name} -->"
        before_it, _, rest = found.partition(start)
        found = f"{before_it}{start}\n\n{content}\n\n{end}{rest.partition(end)[2]}"
    return found


if __name__ == "__main__":
    PAGE.write_text(page())
