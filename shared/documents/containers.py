"""The containers of the database `studio`: what lives where, under which partition key, for how long."""

from typing import NamedTuple


class Container(NamedTuple):
    """One container.

    Args:
        name: as in Cosmos DB.
        partition_key: top-level field whose value places an item; `id` makes every item its own partition.
        unique: fields whose value may occur once in a partition.
        ttl: seconds an item lives when it has no `ttl`; None keeps it. An item's `ttl` of -1
            keeps it.
        indexed: items are looked for by other fields too; False where id and partition are all that is asked for, so
            that a write costs less.
    """

    name: str
    partition_key: str = "userId"
    unique: tuple[str, ...] = ()
    ttl: int | None = None
    indexed: bool = True


DAY = 24 * 3600

CONTAINERS: dict[str, Container] = {
    c.name: c
    for c in (
        Container("studio"),
        Container("accounts", "id"),
        Container("payments", "userId"),
        Container("webhook_events", "id", ttl=90 * DAY),
        Container("idempotency", "id", ttl=DAY),
        Container("tokens", "id", ttl=31 * DAY),
        Container("audit", "userId", ttl=400 * DAY),
        Container("rate_limits", "id", ttl=DAY, indexed=False),
        Container("garments", "tenantId"),
        Container("leases", "id"),
        Container("search_index", "shop"),
        Container("embeddings", "tenantId"),
        Container("search_log", "userId", ttl=90 * DAY),
    )
}
