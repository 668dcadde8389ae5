"""The live API against its own description: what schemathesis sends, valid and not, is answered as described.

It sends what a caller sends whom the operation is for. How others are refused, before anything of the request is looked
at, is the role matrix's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, settings
from routes import declared
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from demo.accounts import create_account
from demo.client import Client
from emulators.stack import Stack
from shared.accounts.documents import Role
from shared.http import openapi
from shared.http.routes import Route

pytestmark = [pytest.mark.processes, pytest.mark.on_stack]
"""So that only the test process with the stack reads this file, which takes seconds."""
pytest_plugins = ["schemathesis.pytest.plugin"]
"""Loaded for this file: pyproject.toml keeps it out of every other start of pytest."""

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

bounded = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

schema = schemathesis.openapi.from_dict(openapi.document(declared()))


@pytest.fixture(scope="module")
def shopper_of(stack: Stack) -> Callable[[str], Client]:
    """A shopper for one operation, since some of them sign out, change or delete the caller."""
    known: dict[str, Client] = {}

    def get(operation: str) -> Client:
        if operation not in known:
            known[operation] = create_account(stack)
        return known[operation]

    return get


ANSWERED = {f"{route.method} /api/{route.path}" for route in declared() if 503 in route.answers}
"""Here 503 is an expected response: a dependency is down."""
TEMPORARY = ("webhook_unresolved", "index_behind")
"""The customer's host has no address; the request asks for writes that the index does not know yet."""


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection for all requests."""
    with requests.Session() as kept:
        yield kept


def check(case: Case, stack: Stack, session: requests.Session, **headers: str) -> None:
    # The host drops an empty parameter and refuses a URL over 8 KB itself: neither reaches the app.
    assume(all(value != "" for value in (case.query or {}).values()))
    sent = case.as_transport_kwargs(base_url=stack.url)
    assume(len(requests.Request(sent["method"], sent["url"], params=sent.get("params")).prepare().url or "") < 8000)
    response = case.call(base_url=stack.url, session=session, headers=headers, timeout=60)
    case.validate_response(response, checks=CHECKS)
    expected = response.status_code == 503 and case.operation.label in ANSWERED
    expected = expected or any(f'"code": "{code}"' in response.text for code in TEMPORARY)
    assert response.status_code < 500 or expected, response.text
    assert response.headers.get("x-request-id")


def of(is_wanted: Callable[[Route], bool]) -> Any:
    """The part of the description with these routes."""
    labels = {f"{route.method} /api/{route.path}" for route in declared() if is_wanted(route)}
    return schema.include(lambda context: context.operation.label in labels)


@of(lambda route: route.access.public).parametrize()
@bounded
def test_anonymous(case: Case, stack: Stack, session: requests.Session) -> None:
    check(case, stack, session)


@of(lambda route: Role.SHOPPER in route.access.roles).parametrize()
@bounded
def test_shopper(case: Case, stack: Stack, session: requests.Session, shopper_of: Callable[[str], Client]) -> None:
    check(case, stack, session, Authorization=token_of(shopper_of(case.operation.label)))


def token_of(client: Client) -> str:
    return str(client.session.headers["Authorization"])
