"""What a number of requests a second needs: request units by container, money, instances, and what to switch on.

Request units are those that `bench request_units` measured (`bench/request_units.json`, written by `python -m
bench.request_units`) and `bench limits` measured; the mix of requests is assumed and listed here.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
MEASURED: Final = ROOT / "bench" / "request_units.json"
RATES: Final = (100, 1_000, 10_000)
MIX: Final = {
    "GET jobs/{id}": 0.25, "GET conversions/{id}": 0.15, "GET images/{id}": 0.15, "POST search/text": 0.15,
    "GET auth/me": 0.10, "GET notifications": 0.10, "GET conversions": 0.05, "upload": 0.03, "try-on": 0.02,
}  # fmt: skip
"""Assumed: shares of a shopper's requests. A flow (`upload`, `try-on`) counts with all the work behind it."""
LIMIT_RU: Final = 0.38
"""Most that counting a call of a leased class costs (`bench limits`)."""
SERVERLESS_RU: Final = 5_000
"""Request units a second of a container of a serverless account."""
PARTITION_RU: Final = 10_000
"""Of one physical partition, so of one value of the partition key, in a provisioned account."""
HTTP_S: Final = 0.05
"""Assumed: seconds of a request in the app, on average."""
CONCURRENT: Final = 16
"""`perInstanceConcurrency` of HTTP in `infra/app/api.bicep`."""
MOST_INSTANCES: Final = 100
"""`maximumInstanceCount` in `infra/app/api.bicep`."""
MOST_REPLICAS: Final = 2
"""`vtoMaxReplicas` in `infra/main.bicep`."""
QUEUE_MESSAGES: Final = 2_000
"""Messages a second of one Storage Queue (learn.microsoft.com: scalability targets for Queue Storage)."""
STORAGE_REQUESTS: Final = 20_000
"""Requests a second of one storage account, the smallest of the published targets."""
CONTAINER_S: Final = 6.0
"""Seconds of a try-on by `compact` on a replica (`bench.cost.TryOn.container_s`)."""


@dataclass(frozen=True)
class Need:
    """What a rate needs a second."""

    rate: int
    ru: dict[str, float]
    """Request units by container, the largest first."""
    queue_messages: float
    storage_requests: float
    tryons: float

    @property
    def busiest(self) -> tuple[str, float]:
        """The container that is used up first."""
        return next(iter(self.ru.items()))


def measured() -> dict[str, Any]:
    """What was measured last."""
    return json.loads(MEASURED.read_text())


def mean_ru(figures: dict[str, Any] | None = None) -> dict[str, float]:
    """Request units of one request of the mix by container, the largest first."""
    figures = figures or measured()
    mean: dict[str, float] = defaultdict(float)
    mean["rate_limits"] += LIMIT_RU
    for name, share in MIX.items():
        for container, ru in _figures_of(figures, name)["byContainer"].items():
            mean[container] += share * ru
    return dict(sorted(mean.items(), key=lambda one: -one[1]))


def _figures_of(figures: dict[str, Any], name: str) -> dict[str, Any]:
    return figures["routes"].get(name) or figures["flows"][name]


def need(rate: int) -> Need:
    """What this many requests a second of the mix need."""
    figures = measured()
    storage: dict[str, float] = defaultdict(float)
    for name, share in MIX.items():
        for kind, count in _figures_of(figures, name)["storage"].items():
            storage[kind] += share * count
    return Need(
        rate,
        {container: round(rate * ru, 1) for container, ru in mean_ru(figures).items()},
        rate * storage["queue put"],
        rate * sum(storage.values()),
        rate * MIX["try-on"],
    )


def main() -> dict[str, Any]:
    """The table of `docs/deploy.md` as figures."""
    mean = mean_ru()
    return {
        "mix": MIX,
        "ru_of_a_request": {container: round(ru, 3) for container, ru in mean.items()},
        "serverless_ceiling_per_second": {name: round(SERVERLESS_RU / ru) for name, ru in mean.items() if ru > 0},
        "one_partition_ceiling_per_second": hot_ceilings(),
        "rates": [_row(need(rate)) for rate in RATES],
    }


def hot_ceilings() -> list[dict[str, Any]]:
    """How often a second each flow can run until a partition that all users share is used up, the tightest first.

    One value of the partition key lies in one physical partition, which no throughput setting makes faster than
    `PARTITION_RU`; a query over all partitions is charged in each, and counts here against the container.
    """
    found = [
        {
            "container": one["container"],
            "partition": one["partition"],
            "flow": flow,
            "ru": ru,
            "serverless": round(SERVERLESS_RU / ru),
            "provisioned": None if one["partition"].startswith("all ") else round(PARTITION_RU / ru),
        }
        for one in measured()["hotPartitions"]
        for flow, ru in one["byFlow"].items()
        if ru > 0
    ]
    return sorted(found, key=lambda one: one["serverless"])


def _row(one: Need) -> dict[str, Any]:
    prices = json.loads((ROOT / "bench" / "prices.json").read_text())["cosmos"]
    container, ru = one.busiest
    total = sum(one.ru.values())
    provisioned = {name: _autoscale(value) for name, value in one.ru.items()}
    serverless = all(value <= SERVERLESS_RU for value in one.ru.values())
    instances = math.ceil(one.rate * HTTP_S / CONCURRENT)
    return {
        "requests_per_second": one.rate,
        "ru_per_second": round(total),
        "busiest_container": container,
        "busiest_ru_per_second": round(ru),
        "serverless_is_enough": serverless,
        "over_serverless": [name for name, value in one.ru.items() if value > SERVERLESS_RU],
        "physical_partitions": {name: math.ceil(value / PARTITION_RU) for name, value in one.ru.items() if value > 1},
        "serverless_usd_a_day": round(total * 86_400 / 1e6 * prices["million_ru"], 2) if serverless else None,
        "autoscale_usd_a_day": round(sum(provisioned.values()) / 100 * 24 * prices["autoscale_100_ru_hour"], 2),
        "http_instances": instances,
        "queue_messages_per_second": round(one.queue_messages, 1),
        "storage_requests_per_second": round(one.storage_requests),
        "tryon_replicas": math.ceil(one.tryons * CONTAINER_S),
        "switch_on": switch_on(one),
    }


def _autoscale(ru: float) -> int:
    """The maximum of an autoscale container that holds this rate: a multiple of 1,000."""
    return max(1_000, math.ceil(ru / 1_000) * 1_000)


def switch_on(one: Need) -> list[str]:
    """What has to change for this rate, beside what `infra/` deploys."""
    found: list[str] = []
    over = [name for name, value in one.ru.items() if value > SERVERLESS_RU]
    if over:
        found.append(
            f"a provisioned account with autoscale: {', '.join(f'`{name}`' for name in over)} above serverless"
        )
    split = [name for name, value in one.ru.items() if value > PARTITION_RU]
    if split:
        found.append(f"several physical partitions: {', '.join(f'`{name}`' for name in split)}")
    instances = math.ceil(one.rate * HTTP_S / CONCURRENT)
    if instances > MOST_INSTANCES:
        found.append(f"`maximumInstanceCount` of {instances:,} (now {MOST_INSTANCES})")
    replicas, most = math.ceil(one.tryons * CONTAINER_S), MOST_REPLICAS
    if replicas > most:
        found.append(f"{replicas:,} replicas for try-ons (now {most}): the GPU profile, or a hosted engine")
    if one.queue_messages > QUEUE_MESSAGES:
        found.append("several queues a lane")
    if one.storage_requests > STORAGE_REQUESTS:
        found.append("a storage account for pictures beside the one of queues")
    return found


def table() -> str:
    """The table as Markdown."""
    lines = [
        "| requests a second | request units a second | busiest container | Cosmos DB, USD a day | HTTP instances "
        "| queue messages, storage requests a second | try-on replicas | switch on |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in main()["rates"]:
        serverless = row["serverless_usd_a_day"]
        money = f"{row['autoscale_usd_a_day']:,.0f} autoscale"
        if serverless is not None:
            money = f"{serverless:,.0f} serverless, {money}"
        lines.append(
            f"| {row['requests_per_second']:,} | {row['ru_per_second']:,} "
            f"| `{row['busiest_container']}`, {row['busiest_ru_per_second']:,} | {money} | {row['http_instances']} "
            f"| {row['queue_messages_per_second']:,.0f}, {row['storage_requests_per_second']:,} "
            f"| {row['tryon_replicas']:,} | {'; '.join(row['switch_on']) or 'nothing'} |"
        )
    return "\n".join(lines)


def routes_table() -> str:
    """Operations, request units and money of each route and flow, as Markdown."""
    figures = measured()
    prices = json.loads((ROOT / "bench" / "prices.json").read_text())
    million, storage = prices["cosmos"]["million_ru"], prices["storage"]
    each = {"blob write": storage["blob_write_10k"], "blob read": storage["blob_read_10k"], "blob delete": 0.0}
    lines = [
        "| route or flow | operations | request units | on storage | USD a million |",
        "|---|---|---|---|---|",
    ]
    for name, one in {**figures["routes"], **figures["flows"]}.items():
        operations, kinds = sum(one["operations"].values()), one["storage"]
        per_10k = sum(count * each.get(kind, storage["queue_10k"]) for kind, count in kinds.items())
        usd = one["ru"] * million + per_10k * 100
        words = f"`{name}`" if name in figures["routes"] else name
        lines.append(f"| {words} | {operations:.0f} | {one['ru']:.1f} | {sum(kinds.values()):.0f} | {usd:,.2f} |")
    return "\n".join(lines)
