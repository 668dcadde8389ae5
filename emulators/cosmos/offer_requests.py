"""Requests for offers: the throughput of containers."""

from __future__ import annotations

from aiohttp import web

from emulators.cosmos import queries
from emulators.cosmos.call import Call, json_response
from emulators.cosmos.offers import Offers


def answer_all(offers: Offers, call: Call) -> web.Response:
    """List or query all offers."""
    if call.method == "POST":
        found = queries.run_over(offers.all(), queries.Statement.of(call.json()))
        return call.page("Offers", found, "")
    call.allow("GET")
    return call.page("Offers", offers.all(), "")


def answer_one(offers: Offers, call: Call, id: str) -> web.Response:
    """Get or replace an offer."""
    if call.method == "PUT":
        return json_response(offers.replace(id, call.object()))
    call.allow("GET")
    return json_response(offers.find(id))
