"""The widget's routes under load: what a visit costs, how many are served in a second, and which limit ends what.

Visitors come one after another on several connections, each from an address of its own, as shoppers do: terms, visit,
photo, try-on, polls until it has ended, end of the visit. Processor time is of the app's processes, so it holds on a
busy machine; visits a second are those of this machine and its load. Then one address, one visit and one key ask for
more than they may.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from bench._common import jpeg, register, spread
from bench._processes import cpu_seconds, ms_each
from emulators.stack import Stack
from wardrobe import draw_garment, draw_mannequin, garment_spec

VISITS, QUICK_VISITS = 60, 8
CONNECTIONS: Final = 4
CHEAP, QUICK_CHEAP = 200, 20
"""Polls, and visits that are only started and ended, whose cost is counted alone."""
ORIGIN: Final = "https://shop.example.com"
A_DAY: Final = 3
"""Try-ons a day of the key that runs out."""
POLL_S: Final = 0.5
SETTINGS: Final = {"CONVERSION_QUOTA": "1000000", "WIDGET_TRYONS_A_DAY": "1000000"}


def main(*, quick: bool = False) -> dict[str, Any]:
    """Measure; `ok` if every visit got its picture, and every limit answered 429 with `Retry-After`."""
    count, cheap = (QUICK_VISITS, QUICK_CHEAP) if quick else (VISITS, CHEAP)
    with Stack(settings=SETTINGS) as stack:
        shop = Shop(stack)
        warm = [whole_visit(shop, address(0, number)) for number in range(2)]
        before, began = cpu_seconds(), time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            done = list(pool.map(partial(whole_visit, shop), [address(1, number) for number in range(count)]))
        seconds, cost = time.perf_counter() - began, ms_each(before, count)
        alone = {"startAndEnd": start_and_end(shop, cheap), "poll": polls(shop, cheap)}
        limits = {
            "visits of an address": one_address(shop),
            "try-ons of a visit": one_visit(shop),
            "try-ons of a key": one_key(shop),
        }
    return {
        "ok": all(one["status"] == "completed" for one in (*warm, *done)) and all(one["ok"] for one in limits.values()),
        "visits": count,
        "visitsPerSecond": round(count / seconds, 2),
        "waitsForOthers": sum(one["waits"] for one in done),
        "cpuMsAVisit": cost,
        "ms": {name: spread([one["ms"][name] for one in done]) for name in done[0]["ms"]},
        "cpuMsOfTheAppAlone": alone,
        "limits": limits,
    }


class Shop:
    """A vendor with a product on sale, a publishable key, and a visitor's photo."""

    def __init__(self, stack: Stack) -> None:
        self.url = stack.url
        self.vendor = register(stack, role="vendor", shop="widget-bench")
        self.photo = jpeg(draw_mannequin(5, (480, 720), upper="longsleeve", lower="trousers").image)
        about = json.dumps({"title": "Blue shirt", "price": "29.90", "category": "top"}).encode()
        garment = jpeg(draw_garment(garment_spec("t-shirt", 3), (480, 640)).image)
        for name, data in (("SHIRT.jpg", garment), ("SHIRT.json", about)):
            where = self.vendor.call("POST", "drops", json={"name": name})
            requests.put(where["url"], data=data, headers=where["headers"], timeout=60).raise_for_status()
        while not [one for one in self.vendor.call("GET", "products")["items"] if one["status"] == "active"]:
            time.sleep(0.2)
        self.key = self.new_key()

    def new_key(self, **fields: Any) -> str:
        """Make a publishable key."""
        wanted = {"name": "bench", "kind": "publishable", "scopes": ["tryon"], "origins": [ORIGIN], **fields}
        return self.vendor.call("POST", "api-keys", json=wanted)["key"]


class Visitor:
    """A shopper's browser at an address of its own: limits count by address, and all of 127.0.0.0/8 is this machine."""

    def __init__(self, shop: Shop, source: str, key: str | None = None) -> None:
        self._base, self._key = f"{shop.url}/api/widget/", key or shop.key
        self._session = requests.Session()
        self._session.mount("http://", _From(source))
        self._session.headers["Origin"] = ORIGIN
        self.waits = 0
        """Calls that were repeated, as the widget does, because too many others were under way."""

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request, repeated while too many others are under way."""
        while True:
            answer = self._session.request(method, self._base + path, timeout=120, **options)
            if answer.status_code != 429 or answer.json()["code"] != "too_many_at_once":
                return answer
            self.waits += 1
            time.sleep(float(answer.headers["Retry-After"]) * random.uniform(0.5, 1.5))

    def start(self) -> requests.Response:
        """Start a visit; its token goes with what follows."""
        answer = self.ask("POST", "visit", json={}, headers={"X-Publishable-Key": self._key})
        if answer.ok:
            self._session.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return answer

    def send_photo(self, data: bytes) -> requests.Response:
        """Upload the photo."""
        return self.ask("POST", "photo", data=data, headers={"Content-Type": "image/jpeg"})

    def try_on(self) -> requests.Response:
        """Start a try-on."""
        return self.ask("POST", "tryon", json={"product": "SHIRT"})

    def ended(self) -> str:
        """Wait for the try-on; its state."""
        while (state := self.ask("GET", "visit").json()["tryon"]["status"]) not in ("completed", "failed", "cancelled"):
            time.sleep(POLL_S)
        return state


class _From(HTTPAdapter):
    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().init_poolmanager(*args, **options, source_address=(self._source, 0))


def address(network: int, number: int) -> str:
    """An address of this machine for each visitor."""
    return f"127.{10 + network}.{number // 250}.{number % 250 + 1}"


def whole_visit(shop: Shop, source: str) -> dict[str, Any]:
    """A visit from its start to its deletion: how the try-on ended, and milliseconds of each part."""
    took: dict[str, float] = {}

    def timed(name: str, run: Callable[[], requests.Response]) -> None:
        began = time.perf_counter()
        run().raise_for_status()
        took[name] = round((time.perf_counter() - began) * 1000, 1)

    with Visitor(shop, source) as visitor:
        timed("terms", lambda: visitor.ask("GET", "terms"))
        timed("start", visitor.start)
        timed("photo", lambda: visitor.send_photo(shop.photo))
        began = time.perf_counter()
        timed("try-on asked for", visitor.try_on)
        state = visitor.ended()
        took["try-on made"] = round((time.perf_counter() - began) * 1000, 1)
        timed("poll", lambda: visitor.ask("GET", "visit"))
        timed("end", lambda: visitor.ask("DELETE", "visit"))
    return {"status": state, "ms": took, "waits": visitor.waits}


def start_and_end(shop: Shop, count: int) -> float:
    """Processor milliseconds of the app for a visit that is started and ended without a photo."""
    before = cpu_seconds()
    for number in range(count):
        with Visitor(shop, address(2, number)) as visitor:
            visitor.start().raise_for_status()
            visitor.ask("DELETE", "visit").raise_for_status()
    return round((cpu_seconds() - before)["app"] / count * 1000, 1)


def polls(shop: Shop, count: int) -> float:
    """Processor milliseconds of the app for a poll."""
    with Visitor(shop, address(3, 0)) as visitor:
        visitor.start().raise_for_status()
        before = cpu_seconds()
        for _ in range(count):
            visitor.ask("GET", "visit").raise_for_status()
        used = (cpu_seconds() - before)["app"]
    return round(used / count * 1000, 1)


def one_address(shop: Shop) -> dict[str, Any]:
    """An address that starts visit after visit."""

    def again() -> requests.Response:
        with Visitor(shop, address(4, 0)) as visitor:
            return visitor.start()

    return until_refused(again)


def one_visit(shop: Shop) -> dict[str, Any]:
    """A visit that tries on again and again."""
    with Visitor(shop, address(5, 0)) as visitor:
        visitor.start().raise_for_status()
        visitor.send_photo(shop.photo).raise_for_status()
        return until_refused(lambda: _tried(visitor))


def one_key(shop: Shop) -> dict[str, Any]:
    """A key with few try-ons a day; each visitor comes from another address."""
    key = shop.new_key(tryonsADay=A_DAY)
    visitors = iter(range(A_DAY + 1))

    def again() -> requests.Response:
        with Visitor(shop, address(6, next(visitors)), key) as visitor:
            visitor.start().raise_for_status()
            visitor.send_photo(shop.photo).raise_for_status()
            return _tried(visitor)

    return until_refused(again)


def _tried(visitor: Visitor) -> requests.Response:
    answer = visitor.try_on()
    if answer.ok:
        visitor.ended()
    return answer


def until_refused(ask: Callable[[], requests.Response]) -> dict[str, Any]:
    """How many were answered before one was refused, and how that says so; `ok`: by 429 with `Retry-After`."""
    answered = 0
    while (answer := ask()).ok:
        answered += 1
    wait = answer.headers.get("Retry-After")
    code = answer.json()["code"]
    return {
        "ok": answer.status_code == 429 and wait is not None,
        "answered": answered,
        "code": code,
        "retryAfterS": wait,
    }
