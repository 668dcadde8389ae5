"""The live API against its own description: what schemathesis sends, valid and not, is answered as described."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
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
from shared.http import openapi

pytestmark = pytest.mark.on_stack
"""So that no other test process reads this file, which takes seconds."""
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
UNRESOLVED = "webhook_unresolved"
"""The customer's host has no address: upstream of us, and nothing of ours."""


def check(case: Case, stack: Stack, **headers: str) -> Any:
    # The host drops an empty parameter and refuses a URL over 8 KB itself: neither reaches the app.
    assume(all(value != "" for value in (case.query or {}).values()))
    assume(len(case.as_transport_kwargs(base_url=stack.url)["url"]) + len(str(case.query)) < 2500)
    response = case.call(base_url=stack.url, headers=headers, timeout=60)
    case.validate_response(response, checks=CHECKS)
    expected = response.status_code == 503 and case.operation.label in ANSWERED
    assert response.status_code < 500 or expected or UNRESOLVED in response.text, response.text
    assert response.headers.get("x-request-id")
    return response


@schema.parametrize()
@bounded
def test_anonymous(case: Case, stack: Stack) -> None:
    check(case, stack)


@schema.parametrize()
@bounded
def test_shopper(case: Case, stack: Stack, shopper_of: Callable[[str], Client]) -> None:
    token = str(shopper_of(case.operation.label).session.headers["Authorization"])
    check(case, stack, Authorization=token)
