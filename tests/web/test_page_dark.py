"""Every view in dark colours: contrast and the other rules of axe hold there, too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from page_steps import Audit, become

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.processes, pytest.mark.early]

VIEWS = {
    None: {"shop": "Shop", "sign-in": "Sign in", "account/register": "Create an account", "local": "This machine"},
    "shopper": {
        "try-on": "Try on",
        "credits": "Credits",
        "keys": "API keys",
        "webhooks": "Webhooks",
        "account": "Account",
    },
    "vendor": {"vendor": "Vendor"},
    "merchant": {"merchant": "Merchant"},
    "admin": {f"operate/{part}": "Operate" for part in ("overview", "jobs", "messages", "logs", "users")},
}


LINES = 10


def few_lines(route: Route) -> None:
    """A log of the latest lines and one of each level: colours of five hundred lines are those of a few."""
    answer = route.fetch()
    log = answer.json()
    lines = log["lines"]
    of_each_level = {line["level"]: line for line in lines[:-LINES]}
    route.fulfill(response=answer, json={**log, "lines": [*of_each_level.values(), *lines[-LINES:]]})


@pytest.mark.parametrize("role", VIEWS)
def test_a_view_in_dark_colours(page: Page, role: str | None, audit: Audit) -> None:
    page.emulate_media(color_scheme="dark")
    page.route(re.compile(r"/_emulator/log(\?|$)"), few_lines)
    page.goto("/#/sign-in")
    if role is not None:
        become(page, role)
    for view, heading in VIEWS[role].items():
        page.goto(f"/#/{view}")
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        page.wait_for_load_state("networkidle")
        audit(page)
