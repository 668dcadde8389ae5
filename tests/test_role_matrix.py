"""Who may do what to whose: every route x every role x {own, foreign, missing}, generated from the route table.

No caller without a token gets past a route that needs one, no role past one that lacks it; and another user's object
answers exactly as a missing one does. A function without a declared policy fails, and so does a route with an id for
which nothing here makes an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from matrix_world import ACTORS, BODIES, MAKERS, MISSING, QUERIES, World, another_user, kind_of, world_of
from over_http import refused, send
from routes import declared, http_functions, members

from demo.client import Client
from emulators.stack import Stack
from shared.accounts.documents import Role
from shared.http.openapi import statuses
from shared.http.routes import Route

pytestmark = pytest.mark.on_stack
"""So that no other test process reads this file."""


def test_every_http_function_declares_who_may_call_it() -> None:
    policies = {route.name: route.access for route in declared()}
    assert set(policies) == set(http_functions())
    for name, access in policies.items():
        assert access.public != bool(access.roles), f"{name}: public, or some roles, never both or none"
        assert access.roles <= frozenset(Role)


def test_admin_routes_are_for_administrators_alone() -> None:
    for route in declared():
        if route.path.startswith("admin/"):
            assert route.access.roles == {Role.ADMIN}, route.name


@pytest.fixture(scope="module")
def world(stack: Stack, admin: Client) -> World:
    return world_of(stack, admin)


def call(client: Client, route: Route, id: str = "") -> requests.Response:
    path = re.sub(r"\{\w+\}", id, route.path)
    given: dict[str, Any] = {"params": QUERIES.get(route.name)}
    if route.body is not None:
        given["json"] = BODIES.get(route.name, {})
    if route.idempotent:
        given["headers"] = {"Idempotency-Key": f"{route.name}-{id}"}
    return send(client, route.method, path, **given)


def ordered() -> list[Route]:
    """All routes, those that delete last, so that what they delete is not missed."""
    return sorted(declared(), key=lambda route: (route.method == "DELETE", route.path, route.method))


PLAIN = [route for route in ordered() if "{" not in route.path]
NAMED = [route for route in ordered() if "{" in route.path]


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def is_for(route: Route, actor: str) -> bool:
    """Whether the route's policy lets the actor in."""
    role = ACTORS[actor]
    return route.access.public or (role is not None and Role(role) in route.access.roles)


def check_refusal(response: requests.Response, route: Route, actor: str) -> None:
    """The answer to an actor whom the route is not for says so, as described, and nothing else."""
    if ACTORS[actor] is None:
        assert refused(response, members(route)) == (401, "token_missing"), response.text
        assert response.headers["WWW-Authenticate"] == "Bearer"
    else:
        assert refused(response, members(route)) == (403, "forbidden"), response.text
    assert response.status_code in statuses(route)


@contextmanager
def each_actor(actor: str) -> Iterator[None]:
    """Names the actor where a check fails: one test for each would cost more than the requests."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"as {actor}")
        raise


@pytest.mark.parametrize("route", PLAIN, ids=name)
def test_route_without_an_object(world: World, route: Route) -> None:
    ends_something = route.path in ("auth/logout", "auth/me") and route.method in ("POST", "DELETE")
    for actor in ACTORS:
        if ends_something and actor == "admin":
            continue  # an administrator's session is needed on
        with each_actor(actor):
            response = call(world.spare(actor) if ends_something else world.client(actor), route)
            if not is_for(route, actor):
                check_refusal(response, route, actor)
                continue
            if not route.path.startswith(("auth/", "widget/")):
                assert response.status_code not in (401, 403), response.text
            assert response.status_code in statuses(route), response.text
            assert response.status_code < 500 or response.status_code in route.answers, response.text


@pytest.mark.parametrize("route", NAMED, ids=name)
def test_route_with_an_object(world: World, route: Route) -> None:
    assert kind_of(route) in MAKERS, f"say in MAKERS how to make what {name(route)} is about"
    assert route.body is None or route.name in BODIES, f"say in BODIES what {name(route)} takes"
    for actor in ACTORS:
        with each_actor(actor):
            check_objects(world, route, actor)


def check_objects(world: World, route: Route, actor: str) -> None:
    """An actor and the objects of one route: own, foreign and missing."""
    client = world.client(actor)
    if not is_for(route, actor):
        # One that exists: it must not be looked at.
        check_refusal(call(client, route, world.own(another_user(route, actor), route)), route, actor)
        return
    missing = call(client, route, MISSING)
    assert missing.status_code == 404, missing.text

    if route.access.public and route.path.count("{") > 1:
        return  # an object below another one: tests/functions/shop
    own = call(client, route, world.own(actor, route))
    assert own.status_code not in (401, 403, 404) and own.status_code < 500, own.text
    assert own.status_code in statuses(route), own.text

    if route.access.public or route.access.roles == {Role.ADMIN}:
        return
    other = another_user(route, actor)
    foreign = call(client, route, world.own(other, route))
    assert foreign.status_code == 404, f"{actor} reached an object of {other}: {foreign.text}"
    assert said(foreign) == said(missing)


def said(response: requests.Response) -> dict[str, Any]:
    """The body of a problem without the one thing that differs from call to call."""
    return {key: value for key, value in response.json().items() if key != "requestId"}
