"""Sends malformed requests to the routes of a stack, and says which were not answered as promised."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import urlsplit

from by_path import Functions
from http_calls import Answered
from over_http import PROBLEM
from routes import members

from emulators.stack import Stack
from shared.http.openapi import statuses
from shared.http.routes import Route

OVER_HTTP = 12
"""Of this many routes one is called over HTTP."""


@dataclass(frozen=True)
class Request:
    """One request to a route, and what is wrong with it."""

    route: Route
    wrong: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    signed_in: bool = True


class Prober:
    """Sends requests as they are, without a library that corrects them."""

    def __init__(self, stack: Stack, routes: list[Route], tokens: dict[str, str]) -> None:
        self._where = urlsplit(stack.url)
        self._line = threading.local()
        self._tokens = tokens
        self._functions = Functions()
        self._described = {route.name: frozenset(statuses(route)) for route in routes}
        self.routes = routes

    def token(self, route: Route) -> str | None:
        """Of a user who may call the route."""
        if route.access.public:
            return None
        return next(self._tokens[role] for role in self._tokens if role in route.access.roles)

    def _headers(self, request: Request) -> dict[str, str]:
        headers = dict(request.headers)
        token = self.token(request.route)
        if token and request.signed_in:
            headers.setdefault("Authorization", f"Bearer {token}")
        return headers

    def call(self, request: Request) -> Answered | None:
        """The answer of the function itself; None if the path leads to none."""
        return self._functions.call(request.route.method, request.path, request.body, self._headers(request))

    def send(self, request: Request) -> Answered:
        """The answer over HTTP."""
        for last in (False, True):
            line: http.client.HTTPConnection | None = getattr(self._line, "open", None)
            if line is None:
                assert self._where.hostname
                line = self._line.open = http.client.HTTPConnection(self._where.hostname, self._where.port, timeout=30)
            try:
                line.request(request.route.method, request.path, request.body or None, self._headers(request))
                answer = line.getresponse()
                return Answered(answer.status, answer.headers, answer.read())  # type: ignore[arg-type]
            except (http.client.HTTPException, OSError):
                line.close()
                self._line.open = None
                if last:
                    raise
        raise AssertionError

    def complaint(self, request: Request, *, over_http: bool = False) -> str | None:
        """What is wrong with the answer."""
        answer = self.send(request) if over_http else self.call(request)
        name = f"{request.route.method} {request.route.path}, {request.wrong}: {answer and answer.status}"
        if answer is None or (answer.status == 404 and "X-Request-Id" not in answer.headers):
            # The host knows no function for such a path.
            known = "{" not in request.route.path or (answer and answer.raw)
            return f"{name} from the host" if known else None
        if not 400 <= answer.status < 500:
            return f"{name} {answer.raw[:300]!r}"
        if answer.headers["Content-Type"].partition(";")[0] != "application/problem+json":
            return f"{name} {answer.headers['Content-Type']} {answer.raw[:200]!r}"
        problem = answer.body
        if not set(problem) >= PROBLEM or set(problem) - PROBLEM - {"field", "details"} - members(request.route):
            return f"{name} has {sorted(problem)}"
        if problem["status"] != answer.status or problem["requestId"] != answer.headers["X-Request-Id"]:
            return f"{name} contradicts its headers"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", problem["code"]) or problem["code"] in ("internal", "store_error"):
            return f"{name} has the code {problem['code']}"
        if answer.status not in self._described[request.route.name]:
            return f"{name} is not described"
        text = answer.raw.decode()
        found = [word for word in ("Traceback", "site-packages", "sqlite", "/work", "pydantic") if word in text]
        return f"{name} discloses {found}: {problem['detail']}" if found else None

    def all(self, requests: Iterator[Request]) -> None:
        """Make them all, those to every `OVER_HTTP`th route over HTTP; fails with everything that was not answered as
        promised."""
        called: list[Request] = []
        sent: list[Request] = []
        for number, (_, of_one_route) in enumerate(groupby(requests, lambda request: request.route.name)):
            (called if number % OVER_HTTP else sent).extend(of_one_route)
        complaints = list(map(self.complaint, called))
        with ThreadPoolExecutor(4) as pool:
            complaints += pool.map(lambda request: self.complaint(request, over_http=True), sent)
        found = [complaint for complaint in complaints if complaint]
        assert not found, "\n".join([f"{len(found)} answers", *found[:40]])
