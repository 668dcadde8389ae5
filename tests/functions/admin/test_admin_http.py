"""Administration through the whole stack: two instances, one truth."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from quick import eventually

from demo.accounts import create_account
from demo.client import Client, Refused
from emulators.stack import Stack

type SignUp = Callable[..., Client]


def status(client: Client, method: str = "GET", path: str = "auth/me", **options: Any) -> int:
    try:
        client.call(method, path, **options)
    except Refused as refused:
        return refused.status
    return 200


def everywhere(client: Client, wanted: int, path: str = "auth/me") -> None:
    """Both instances answer so: many requests in a row do."""
    eventually(lambda: all(status(client, path=path) == wanted for _ in range(8)), f"{wanted} everywhere")


def test_a_disabled_user_is_out_of_every_process(stack: Stack, admin: Client) -> None:
    email, password = f"off.{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(12)
    client = create_account(stack, admin=admin, email=email, password=password)
    id = client.user["id"]
    assert admin.call("GET", "admin/users", params={"email": email})["items"][0]["id"] == id
    admin.call("PATCH", f"admin/users/{id}", json={"disabled": True, "reason": "test of disabling"})
    everywhere(client, 401)
    with pytest.raises(Refused) as refused:
        Client(stack.url).login(email, password)
    assert refused.value.status == 401
    admin.call("PATCH", f"admin/users/{id}", json={"disabled": False, "reason": "test of enabling"})
    everywhere(client, 401)
    everywhere(Client(stack.url).login(email, password), 200)


def test_a_role_holds_in_every_process(stack: Stack, sign_up: SignUp, admin: Client) -> None:
    client = sign_up()
    id = client.user["id"]
    assert status(client, path="admin/users") == 403
    admin.call("PATCH", f"admin/users/{id}", json={"role": "admin", "reason": "a second one"})
    everywhere(client, 200, "admin/users")
    assert status(client, "PATCH", f"admin/users/{id}", json={"role": "shopper", "reason": "no more"}) == 409
    admin.call("PATCH", f"admin/users/{id}", json={"role": "shopper", "reason": "no more"})
    everywhere(client, 403, "admin/users")
    entries = admin.call("GET", "admin/audit", params={"subject": id, "action": "USER_ROLE_CHANGED"})["items"]
    assert [(e["facts"]["before"], e["facts"]["after"]) for e in entries] == [
        ("admin", "shopper"),
        ("shopper", "admin"),
    ]
    assert {e["userId"] for e in entries} == {admin.user["id"]}


def test_the_lists_answer_and_take_no_nonsense(admin: Client) -> None:
    counts = admin.call("GET", "admin/jobs/counts")["counts"]
    assert {"queued", "dead", "completed"} <= set(counts)
    admin.call("GET", "admin/jobs", params={"status": "completed", "limit": "5"})
    admin.call("GET", "admin/audit", params={"since": "2026-01-01T00:00:00Z", "limit": "5"})
    admin.call("GET", "admin/dead-letters", params={"kind": "convert"})
    answer = admin.call("POST", "admin/dead-letters/redrive", json={"kind": "no.such", "reason": "nothing to do"})
    assert answer == {"redriven": 0, "skipped": 0, "more": False}
    for path, params in (
        ("admin/jobs", {"status": "odd"}),
        ("admin/audit", {"since": "yesterday"}),
        ("admin/users", {"role": "king"}),
    ):
        assert status(admin, path=path, params=params) == 422
    for method, path, body in (
        ("GET", "admin/users/unknown", None),
        ("GET", "admin/jobs/nothing", None),
        ("POST", "admin/jobs/nothing/cancel", None),
        ("GET", "admin/dead-letters/nothing", None),
        ("POST", "admin/dead-letters/nothing/discard", {"reason": "it is gone"}),
        ("PATCH", "admin/users/unknown", {"disabled": True, "reason": "unknown"}),
    ):
        assert status(admin, method, path, json=body) == 404, path
