"""Load: arrivals at rising rates (open loop) of a mix of routes up to the knee, then minutes at 70 % of it.

Arrivals are random at a mean rate and do not wait for answers; a request's time counts from its arrival. The knee is
the last rate at which 99 % of the answers take less than a second and 99 % are no errors. At 70 % of it the memory of
the app's processes is followed for `--minutes`, then for as long with an attacker (of `bench fairness`). The first half
of each such time is for warming up under its own work: only what comes after it counts as growth. On SQLite, and
on the emulator of Cosmos DB with 5,000 request units a second, whose own processor time is part of the machine's; or on
one of them (`--documents`). Ten minutes, the default, take about 24 minutes for each store.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import statistics
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psutil

from bench._common import quantile, register
from bench._traffic import Caller, Crowd, Request, Sample, attacking
from bench.ceilings import SERVERLESS_RU
from bench.fairness import attack, photo, token_of
from emulators.stack import Stack

FIRST_RATE: Final = 8.0
FACTOR: Final = 1.4
STEP_S: Final = 15.0
KNEE_P99_S: Final = 1.0
KNEE_ERRORS: Final = 0.01
SHARE_OF_KNEE: Final = 0.7
MINUTES: Final = 10.0
USERS: Final = 24
QUICK_USERS: Final = 8
WARM_S: Final = 10.0
GROWTH: Final = 1.1
"""Most that memory of the app may grow in the second half of a time, from its fourth sixth to its last. In the first
half caches fill, and every thread comes to need as much as its dearest call."""
STILL: Final = 1.03
"""Most that it may grow from the fifth sixth to the last: by then it has ended to grow."""
OUTSTANDING: Final = 1000
"""Requests without an answer at which a step ends: the app is over its knee."""
DECODER: Final = "sanitizer_child"
"""In the command line of the processes that decode pictures."""
STORES: Final = ("sqlite", "cosmos")
SETTINGS: Final = {
    "CONVERSION_QUOTA": "1000000",
    "CONVERSIONS_AN_HOUR": "1000000",
    "CONVERSIONS_A_DAY": "1000000",
    "EMAIL_DAILY_CAP": "1000000",
    "EMAILS_AN_HOUR": "1000000",
    "EMAILS_A_DAY": "1000000",
    "UPLOAD_QUOTA_IMAGES": "1000000",
    "UPLOAD_QUOTA_BYTES": "1000000000000",
    # Tokens outlive a run, so that its callers need not refresh them.
    "ACCESS_TOKEN_MINUTES": "60",
}


@dataclass(frozen=True)
class User:
    """A user of the mix: where from, and what they send, with weights."""

    token: str
    address: str
    requests: tuple[Request, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Arrivals:
    """Arrivals of one phase."""

    url: str
    users: tuple[User, ...]
    rate: float
    seconds: float
    seed: int


@dataclass
class Memory:
    """Resident megabytes over a time: of the app's processes, and of those that decode pictures, which come and go."""

    app: list[float] = field(default_factory=list[float])
    decoders: list[float] = field(default_factory=list[float])


def main(*, quick: bool = False, minutes: float | None = None, documents: str | None = None) -> dict[str, Any]:
    """Measure both stores, or one; `ok` if nothing fails at 70 % of the knee, and memory never grows."""
    seconds = 60 * (minutes or (0.5 if quick else MINUTES))
    step_s = 6.0 if quick else STEP_S
    count = QUICK_USERS if quick else USERS
    stores = (documents,) if documents else STORES
    figures = {store: measure(store, count, step_s, seconds) for store in stores}
    ok = all(
        one["at70"]["errors"] <= 0.001
        and one[name]["memory"]["growth"] <= GROWTH
        and one[name]["memory"]["atTheEnd"] <= STILL
        for one in figures.values()
        for name in ("at70", "attacked")
    )
    return {"ok": ok, **figures}


def measure(documents: str, count: int, step_s: float, seconds: float) -> dict[str, Any]:
    """The knee, the time at 70 % of it, and the same with an attacker, on one document store."""
    throughput = SERVERLESS_RU if documents == "cosmos" else None
    with Stack(settings=SETTINGS, documents=documents, throughput=throughput) as stack:
        users = tuple(user(stack, number) for number in range(count))
        attacker = register(stack)
        crowd = Crowd(stack.url, token_of(attacker), "127.0.0.2", attack(stack, attacker))
        run(Arrivals(stack.url, users, FIRST_RATE, WARM_S, 0))
        steps, knee = climb(stack.url, users, step_s)
        rate = knee * SHARE_OF_KNEE
        with following(stack.host_pid) as memory:
            held = run(Arrivals(stack.url, users, rate, seconds, 1))
        with attacking(crowd), following(stack.host_pid) as under_attack:
            time.sleep(2)
            attacked = run(Arrivals(stack.url, users, rate, seconds, 2))
    found = {
        "steps": steps,
        "kneePerSecond": round(knee, 1),
        "at70": {"perSecond": round(rate, 1), **summary(held), "memory": growth(memory)},
        "attacked": {**summary(attacked), "memory": growth(under_attack)},
    }
    print(json.dumps({documents: found}), file=sys.stderr)
    return found


def climb(url: str, users: tuple[User, ...], step_s: float) -> tuple[list[dict[str, Any]], float]:
    """Rising rates until one is over the knee; the figures of each, and the last that was not."""
    steps: list[dict[str, Any]] = []
    rate, knee = FIRST_RATE, FIRST_RATE
    while True:
        found = summary(run(Arrivals(url, users, rate, step_s, len(steps))))
        steps.append({"perSecond": round(rate, 1), **found})
        if found["p99"] > KNEE_P99_S * 1000 or found["errors"] > KNEE_ERRORS:
            return steps, knee
        knee, rate = rate, rate * FACTOR


def user(stack: Stack, number: int) -> User:
    """A shopper with three pictures, one segmentation and one conversion, at an address of their own."""
    client = register(stack)
    person, garment, _ = (client.upload(photo(0.3, seed), "a.jpg", kind)["id"] for seed, kind in
                          ((1, "person"), (2, "garment"), (3, "garment")))  # fmt: skip
    conversion = {"personImageId": person, "garmentImageId": garment}
    job = client.call("POST", "conversions", json=conversion)["jobId"]
    segmentation = {"imageId": garment}
    client.call("POST", "cv/segmentation", json=segmentation)
    mix = weighted(person, job, conversion, segmentation)
    chosen, weights = zip(*mix, strict=True)
    return User(token_of(client), f"127.0.1.{number + 1}", chosen, weights)


def weighted(image: str, job: str, conversion: object, segmentation: object) -> list[tuple[Request, float]]:
    """The mix: mostly reads, as of a shop's pages."""
    return [
        (Request("auth/me", "GET", "auth/me"), 20),
        (Request("images", "GET", "images?limit=20"), 20),
        (Request("images/{id}", "GET", f"images/{image}"), 20),
        (Request("jobs/{id}", "GET", f"jobs/{job}"), 12),
        (Request("shops/{shop}/products", "GET", "shops/default/products"), 15),
        (Request("upload", "POST", "images/upload?kind=person", {"Content-Type": "image/jpeg"}, photo(0.3, 4)), 4),
        (Request.of_json("segmentation, stored", "POST", "cv/segmentation", segmentation), 7),
        (Request.of_json("conversions", "POST", "conversions", conversion), 2),
    ]


def run(arrivals: Arrivals) -> list[Sample]:
    """Send the arrivals from a process of its own, so that the work of this one does not delay them."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send_all, args=(arrivals, theirs), daemon=True)
    process.start()
    try:
        return ours.recv() if ours.poll(arrivals.seconds + 400) else []
    finally:
        process.join(10)
        process.kill()


def _send_all(arrivals: Arrivals, pipe: Any) -> None:
    pipe.send(asyncio.run(_arrive(arrivals)))


async def _arrive(arrivals: Arrivals) -> list[Sample]:
    luck = random.Random(arrivals.seed)
    callers = [Caller(arrivals.url, user.token, user.address) for user in arrivals.users]
    waiting: set[asyncio.Task[Sample]] = set()
    samples: list[Sample] = []

    async def send(due: float, place: int) -> Sample:
        user = arrivals.users[place]
        request = luck.choices(user.requests, user.weights)[0]
        sample, _ = await callers[place].send(request)
        return Sample(sample.name, sample.started, time.perf_counter() - due, sample.status)

    began = due = time.perf_counter()
    while due < began + arrivals.seconds and len(waiting) < OUTSTANDING:
        due += luck.expovariate(arrivals.rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(send(due, luck.randrange(len(callers))))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
        task.add_done_callback(lambda done: samples.append(done.result()))
    await asyncio.gather(*waiting)
    await asyncio.gather(*(caller.close() for caller in callers))
    return samples


@contextmanager
def following(pid: int) -> Generator[Memory]:
    """Take the resident memory of a process and its children every two seconds."""
    memory, stop = Memory(), threading.Event()

    def follow() -> None:
        root = psutil.Process(pid)
        while not stop.wait(2):
            app = decoders = 0.0
            for one in (root, *root.children(recursive=True)):
                try:
                    is_decoder, megabytes = DECODER in " ".join(one.cmdline()), one.memory_info().rss / 2**20
                except psutil.Error:
                    continue
                decoders += megabytes if is_decoder else 0
                app += 0 if is_decoder else megabytes
            memory.app.append(app)
            memory.decoders.append(decoders)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        stop.set()
        thread.join()


def growth(memory: Memory) -> dict[str, Any]:
    """Megabytes of the app by sixths of the time, its growth after the first half and in the end, and the decoders'."""
    part = max(1, len(memory.app) // 6)
    sixths = [statistics.median(memory.app[start * part : (start + 1) * part]) for start in range(6)]
    return {
        "appMb": [round(one) for one in sixths],
        "growth": round(sixths[5] / sixths[3], 3),
        "atTheEnd": round(sixths[5] / sixths[4], 3),
        "decodersMb": {"p50": round(statistics.median(memory.decoders)), "most": round(max(memory.decoders))},
    }


def summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """Of all requests, and the p99 of each route: milliseconds from arrival, and the share of errors."""
    ms = [sample.seconds * 1000 for sample in samples]
    failed = [sample for sample in samples if not 200 <= sample.status < 400]
    by_route = {
        name: quantile([one.seconds * 1000 for one in samples if one.name == name], 0.99)
        for name in sorted({sample.name for sample in samples})
    }
    return {
        "calls": len(ms), "p50": quantile(ms, 0.5), "p99": quantile(ms, 0.99),
        "errors": round(len(failed) / len(ms), 4), "answers": sorted({sample.status for sample in failed}),
        "p99ByRoute": by_route,
    }  # fmt: skip
