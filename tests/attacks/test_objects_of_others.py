"""Another account's ids: in every path by an API key of every scope, and in the body and the query of every route.

The role matrix (`tests/test_role_matrix.py`) does the same with sessions, by the ids in paths alone.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import pytest
from matrix_world import MISSING, World, another_user, image, webhook, world_of
from over_http import send
from routes import declared

from demo.client import Client
from emulators.stack import Stack
from shared.accounts.roles import Scope
from shared.http.auth import SCOPES
from shared.http.routes import Route
from tests.test_role_matrix import NAMED, call, each_actor, name, said

pytestmark = pytest.mark.on_stack
"""So that no other test process reads this file."""

FOREIGN_IN_BODIES: Final[dict[str, list[dict[str, Any]]]] = {
    "POST analytics/predict": [{"imageId": "theirs"}],
    "POST conversions": [
        {"personImageId": "theirs", "garmentImageId": "own"},
        {"personImageId": "own", "garmentImageId": "theirs"},
    ],
    "POST search/image": [{"imageId": "theirs"}],
    "POST search/hybrid": [{"query": "hat", "imageId": "theirs"}],
    "POST search/feedback": [{"searchId": "theirs", "productId": "theirs"}],
    "POST cv/segmentation": [{"imageId": "theirs"}, {"imageIds": ["own", "theirs"]}],
    "POST cv/tryon": [
        {"personImageId": "theirs", "garmentImageId": "own"},
        {"personImageId": "own", "garmentImageId": "theirs"},
        {"personImageId": "own", "productId": "theirs"},
    ],
    "POST cv/tryon/batch": [
        {"personImageId": "theirs", "productIds": ["own"]},
        {"personImageId": "own", "productIds": ["theirs"]},
    ],
}
"""What is sent to each route whose body names objects, with another's ids in turn in each place."""
NAMED_BY_VISITORS: Final = {"POST widget/tryon"}
"""Public routes, whose key names the shop: tests/functions/widget."""


@pytest.fixture(scope="module")
def world(stack: Stack, admin: Client) -> World:
    return world_of(stack, admin)


@pytest.fixture(scope="module")
def by_key(world: World) -> dict[str, Client]:
    """For each kind of account a client with an API key of every scope."""
    found: dict[str, Client] = {}
    for actor in ("shopper A", "vendor", "merchant"):
        wanted = {"name": "All", "scopes": [str(scope) for scope in Scope]}
        made = world.client(actor).call("POST", "api-keys", json=wanted)
        client = Client(world.stack.url)
        client.session.headers["Authorization"] = f"Bearer {made['key']}"
        found[actor] = client
    return found


def actors(route: Route) -> list[str]:
    roles = {str(role) for role in route.access.roles}
    return [actor for actor, role in (("shopper A", "shopper"), ("vendor", "vendor"), ("merchant", "merchant"))
            if role in roles]  # fmt: skip


@pytest.mark.parametrize("route", [route for route in NAMED if actors(route)], ids=name)
def test_a_key_reaches_no_object_of_another_account(world: World, by_key: dict[str, Client], route: Route) -> None:
    for actor in actors(route):
        with each_actor(actor):
            check_key(world, by_key[actor], route, actor)


def check_key(world: World, with_key: Client, route: Route, actor: str) -> None:
    """An actor's key and another's object, which is as good as missing."""
    foreign = call(with_key, route, world.own(another_user(route, actor), route))
    missing = call(with_key, route, MISSING)
    assert said(foreign) == said(missing)
    if route.path.partition("/")[0] in SCOPES:
        assert (missing.status_code, foreign.status_code) == (404, 404), foreign.text
    else:
        own = call(with_key, route, world.own(actor, route))
        assert (own.status_code, own.json()["code"]) == (403, "scope"), own.text


def with_ids(about: Any, ids: dict[str, str]) -> Any:
    if isinstance(about, dict):
        return {name: with_ids(one, ids) for name, one in about.items()}
    if isinstance(about, list):
        return [with_ids(one, ids) for one in about]
    return ids.get(about, about)


def test_every_route_whose_body_names_objects_is_attacked() -> None:
    naming = {
        name(route)
        for route in declared()
        if route.body is not None
        and any(field.endswith(("_id", "_ids")) or field == "product" for field in route.body.model_fields)
    }
    assert naming == FOREIGN_IN_BODIES.keys() | NAMED_BY_VISITORS


@pytest.mark.parametrize("with_key", [False, True], ids=["session", "key"])
@pytest.mark.parametrize(
    ("route", "body"), [pytest.param(route, body, id=f"{route} {body}")
                        for route, bodies in FOREIGN_IN_BODIES.items() for body in bodies]
)  # fmt: skip
def test_another_accounts_id_in_a_body_is_as_good_as_a_missing_one(
    world: World, by_key: dict[str, Client], route: str, body: dict[str, Any], with_key: bool
) -> None:
    method, path = route.split()
    actor, other = ("merchant", "merchant B") if path.startswith("analytics/") else ("shopper A", "shopper B")
    client = by_key[actor] if with_key else world.client(actor)
    for one in (actor, other):
        world.objects.setdefault((one, "images/{id}"), image(world, one))
    own = world.objects[actor, "images/{id}"]
    answers = [
        client.session.request(method, client.base + path, json=with_ids(body, {"own": own, "theirs": id}), timeout=60)
        for id in (world.objects[other, "images/{id}"], MISSING)
    ]
    assert [answer.status_code for answer in answers] == [404, 404], [answer.text for answer in answers]
    assert said(answers[0]) == said(answers[1])


def test_a_batch_reads_no_pictures_of_another_account(world: World) -> None:
    client = world.client("merchant")
    world.objects.setdefault(("merchant B", "images/{id}"), image(world, "merchant B"))
    for id in (world.objects["merchant B", "images/{id}"], MISSING):
        made = client.call("POST", "analytics/predict", json={"imageIds": [id]})
        ended = client.wait(made["jobId"])
        assert (ended["result"]["predicted"], ended["result"]["badRows"]) == (0, 1)


def test_a_search_is_judged_by_who_made_it(world: World) -> None:
    searched = world.client("shopper B").call("POST", "search/text", json={"query": "hat"})
    product = secrets.token_hex(13)
    answers = [
        send(world.client("shopper A"), "POST", "search/feedback", json={"searchId": id, "productId": product})
        for id in (searched["searchId"], MISSING)
    ]
    assert said(answers[0]) == said(answers[1])
    assert answers[0].status_code == 404


def test_a_filter_by_another_accounts_id_finds_nothing(world: World, by_key: dict[str, Client]) -> None:
    theirs = webhook(world, "shopper B")
    for client in (world.client("shopper A"), by_key["shopper A"]):
        for id in (theirs, MISSING):
            response = client.session.get(f"{client.base}webhooks/deliveries", params={"webhookId": id}, timeout=60)
            assert response.status_code == 404 or response.json()["items"] == [], response.text
