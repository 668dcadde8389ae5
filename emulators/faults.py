"""Faults on demand: what the next matching request meets instead of the service's usual answer."""

from __future__ import annotations

import asyncio
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

COMMON_MODES = ("slow", "hang", "html", "disconnect", "answer")
"""Every emulator has them: go on after `seconds`; never answer; a proxy's HTML 502; cut the connection; answer with the
posted `status`, `headers` and JSON `body`."""


class UnknownMode(ValueError):
    """The fault names a mode this emulator does not have."""


@dataclass
class Fault:
    """One planned disturbance.

    `times` is how many requests it meets (None: for ever), `match` a text the request must contain, `on` the
    one operation it is for (None: any). `seconds` and `retry_delay` are in seconds; `options` is the whole
    posted object, for what only one emulator knows.
    """

    mode: str
    times: int | None = 1
    match: str = ""
    on: str | None = None
    seconds: float | None = None
    retry_delay: float | None = None
    options: dict[str, Any] = field(default_factory=dict)


class FaultList:
    """The faults that wait, in the order they were posted; the first that fits a request meets it."""

    def __init__(self, modes: tuple[str, ...]) -> None:
        self.modes = modes
        self._faults: list[Fault] = []

    def add(self, posted: dict[str, Any]) -> Fault:
        """Plan a fault from a posted object. Raises UnknownMode, ValueError or TypeError on nonsense."""
        mode = str(posted.get("mode", ""))
        if mode not in self.modes:
            raise UnknownMode(f"mode must be one of {', '.join(self.modes)}")
        times = posted.get("times", 1)
        seconds, delay = posted.get("seconds"), posted.get("retryDelay")
        fault = Fault(
            mode,
            times=None if times is None else int(times),
            match=str(posted.get("match") or ""),
            on=posted.get("on"),
            seconds=None if seconds is None else float(seconds),
            retry_delay=None if delay is None else float(delay),
            options=dict(posted),
        )
        if fault.times is None or fault.times > 0:
            self._faults.append(fault)
        return fault

    def take(self, operation: str, text: str = "") -> Fault | None:
        """The fault this request meets, counted down; None when it goes through undisturbed."""
        for fault in self._faults:
            if fault.on not in (None, operation) or fault.match not in text:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
            return fault
        return None

    def clear(self, match: str | None = None) -> None:
        """Forget all faults, or only those whose `match` is the given one."""
        self._faults = [] if match is None else [fault for fault in self._faults if fault.match != match]

    def listed(self) -> list[dict[str, Any]]:
        """The waiting faults as plain objects."""
        return [asdict(fault) for fault in self._faults]


async def meet_common(request: web.Request, fault: Fault) -> web.StreamResponse | None:
    """Do what a common mode does; None means the handler goes on (after `slow`, or for its own modes)."""
    match fault.mode:
        case "slow":
            await asyncio.sleep(2.0 if fault.seconds is None else fault.seconds)
            return None
        case "hang":
            await asyncio.sleep(3600.0 if fault.seconds is None else fault.seconds)
            return cut(request)
        case "disconnect":
            return cut(request)
        case "html":
            page = "<html><head><title>502</title></head><body><h1>502 Bad Gateway</h1></body></html>"
            return web.Response(status=502, text=page, content_type="text/html")
        case "answer":
            status = int(fault.options.get("status", 200))
            headers = {str(name): str(value) for name, value in dict(fault.options.get("headers") or {}).items()}
            return web.json_response(fault.options.get("body"), status=status, headers=headers)
        case _:
            return None


def retry_after(fault: Fault) -> dict[str, str] | None:
    """The `Retry-After` header of a fault, in whole seconds; None for one without a delay."""
    return None if fault.retry_delay is None else {"Retry-After": str(math.ceil(fault.retry_delay))}


async def lose_answer(request: web.Request, fault: Fault) -> web.Response:
    """Cut the connection after `seconds`, once the work is done; its answer is lost."""
    await asyncio.sleep(fault.seconds or 0.0)
    return cut(request)


def cut(request: web.Request) -> web.Response:
    """Break the connection before any answer. The returned response is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)
