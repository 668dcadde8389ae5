"""Answers under a fault: none, a refusal, a lost one, or one with wrong content or form."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from emulators.faults import Fault, lose_answer, meet_common, retry_after
from emulators.paypal.problems import Problem, failure, refusal
from emulators.posted import as_list, as_object
from emulators.server import answer

STATUS_MODES = ("400", "401", "403", "404", "429", "500", "503")
"""Answered before anything is done, or with `"after": true` in its place once it is done."""
WRONG_MODES = ("wrong_currency", "wrong_amount", "wrong_payee", "wrong_custom_id", "huge", "truncated", "empty")
MODES = (*STATUS_MODES, "issue", "redirect", "lost", "leaf_only", *WRONG_MODES)
"""`issue`: 422 with the issue named in `issue`; `redirect`: to `location`; `lost`: done, then cut after `seconds`;
`leaf_only`: a signing certificate without its intermediate."""


class FaultAnswer(Exception):
    """A fault answered before the work was done."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__()
        self.response = response


async def early_answer(request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
    """The answer of a fault that prevents the work; None if the work is to be done."""
    if fault is None:
        return None
    if early := await meet_common(request, fault):
        return early
    if fault.mode in STATUS_MODES and not fault.options.get("after"):
        return _status(fault)
    if fault.mode == "issue":
        issue = str(fault.options.get("issue", "INSTRUMENT_DECLINED"))
        return refusal(Problem(int(fault.options.get("status", 422)), issue))
    if fault.mode == "redirect":
        target = str(fault.options.get("location", "http://169.254.169.254/latest/meta-data"))
        return web.Response(status=302, headers={"Location": target})
    return None


async def late_answer(request: web.Request, body: Any, status: int, fault: Fault | None) -> web.StreamResponse:
    """The answer after the work is done, under the fault."""
    if fault and fault.mode == "lost":
        return await lose_answer(request, fault)
    if fault and fault.mode in STATUS_MODES:
        return _status(fault)
    return _altered(body, status, fault)


def _status(fault: Fault) -> web.Response:
    return failure(int(fault.mode), headers=retry_after(fault))


def _altered(body: Any, status: int, fault: Fault | None) -> web.Response:
    """The answer altered by the fault; `huge` adds `bytes` of filler, 8 MiB by default."""
    mode = fault.mode if fault else ""
    if mode.startswith("wrong_"):
        body = _changed(copy.deepcopy(body), mode)
    elif mode == "huge" and fault:
        body = {**body, "filler": "x" * int(fault.options.get("bytes", 8 * 1024 * 1024))}
    elif mode == "truncated":
        text = json.dumps(body)
        return web.Response(status=status, text=text[: len(text) // 2], content_type="application/json")
    elif mode == "empty":
        return web.Response(status=status, content_type="application/json")
    return answer(body, status=status)


def _changed(value: Any, mode: str) -> Any:
    changes: dict[str, tuple[str, Callable[[str], str]]] = {
        "wrong_currency": ("currency_code", lambda old: "EUR" if old != "EUR" else "USD"),
        "wrong_amount": ("value", lambda _: "0.01"),
        "wrong_payee": ("merchant_id", lambda _: "SOMEONEELSE99"),
        "wrong_custom_id": ("custom_id", lambda _: "another-payment"),
    }
    name, change = changes[mode]
    if items := as_list(value):
        return [_changed(item, mode) for item in items]
    if members := as_object(value):
        return {
            key: change(item) if key == name and isinstance(item, str) else _changed(item, mode)
            for key, item in members.items()
        }
    return value
