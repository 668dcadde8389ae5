"""What the emulator shows and takes beside the service: charges, queries, the budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from emulators.cosmos import queries
from emulators.cosmos.charges import Budget
from emulators.cosmos.json_types import is_object

QUERIES: Final = 1000
"""Queries that are kept."""


@dataclass
class Charged:
    """Requests of one kind and their request units."""

    count: int = 0
    ru: float = 0.0

    def add(self, ru: float) -> None:
        """Count one."""
        self.count += 1
        self.ru += ru


class Control:
    """Keeps what was charged and asked."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._charged: dict[tuple[str, str, str], Charged] = {}
        self._queries: deque[dict[str, Any]] = deque(maxlen=QUERIES)

    def routes(self) -> Iterable[web.RouteDef]:
        """Its routes."""
        return (
            web.get("/_emulator/charges", self._list_charges),
            web.get("/_emulator/queries", self._list_queries),
            web.post("/_emulator/throughput", self._set_throughput),
        )

    def reset(self) -> None:
        """Forget everything."""
        self._charged.clear()
        self._queries.clear()

    def charge(self, container: str, operation: str, partition: str, ru: float) -> None:
        """Keep the charge of a request; `partition` is its key as sent, `*` for all."""
        self._charged.setdefault((container, operation, partition), Charged()).add(ru)

    def asked(self, container: str, statement: queries.Statement, scope: queries.Scope, page: queries.Page) -> None:
        """Keep a page of a query."""
        self._queries.append(
            {
                "container": container,
                "query": statement.text,
                "parameters": statement.context.parameters,
                "partition": scope.partition,
                "results": len(page.results),
                "scanned": page.loaded,
                "ru": page.charge,
            }
        )

    async def _list_charges(self, request: web.Request) -> web.Response:
        listed = [
            {
                "container": container,
                "operation": operation,
                "partition": partition,
                "count": one.count,
                "ru": round(one.ru, 2),
            }
            for (container, operation, partition), one in sorted(self._charged.items())
        ]
        return web.json_response({"charges": listed})

    async def _list_queries(self, request: web.Request) -> web.Response:
        wanted = request.query.get("match", "")
        return web.json_response({"queries": [one for one in self._queries if wanted in one["query"]]})

    async def _set_throughput(self, request: web.Request) -> web.Response:
        try:
            posted = await request.json()
        except ValueError:
            posted = None
        given = posted.get("ruPerSecond") if is_object(posted) else None
        if isinstance(given, bool) or not isinstance(given, int | float) or given < 0:
            return web.json_response({"error": "ruPerSecond must be a number of at least 0; 0: no limit"}, status=400)
        self._budget.per_second = float(given) or None
        return web.Response(status=204)
