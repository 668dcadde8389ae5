"""Cheap HTTP traffic for the benchmarks: requests of asyncio in one process, so that a machine of two cores has most of
its time for the app.

A crowd repeats its requests as fast as it is answered, and waits as long as the answer asks it to. The addresses of the
callers differ (all of 127.0.0.0/8 is this machine), because limits count by address, too.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp

REFUSED: Final = (409, 429, 503)
"""Answers after which a crowd waits."""
TIMEOUT_S: Final = 300


@dataclass(frozen=True)
class Request:
    """A request that is sent again and again; `name` is what its figures are listed under.

    `number` in a header's value is replaced by a count, which goes up with each request that was answered with success.
    """

    name: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None

    @classmethod
    def of_json(cls, name: str, method: str, path: str, content: Any) -> Request:
        """With a JSON body."""
        return cls(name, method, path, {"Content-Type": "application/json"}, json.dumps(content).encode())


@dataclass(frozen=True)
class Sample:
    """One answered request; status 0 if there was no answer."""

    name: str
    started: float
    seconds: float
    status: int


class Caller:
    """One account from one address of this machine.

    Args:
        url: of the app, without `/api`.
        token: access token, or None.
        address: of 127.0.0.0/8, to call from.
    """

    def __init__(self, url: str, token: str | None, address: str) -> None:
        self._base = f"{url}/api/"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        connector = aiohttp.TCPConnector(limit=0, local_addr=(address, 0))
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))

    async def send(self, request: Request) -> tuple[Sample, float]:
        """Send a request once; the sample, and the seconds of `Retry-After`."""
        started, status, pause = time.time(), 0, 1.0
        began = time.perf_counter()
        headers = {**self._headers, **request.headers}
        try:
            async with self._session.request(
                request.method, self._base + request.path, data=request.body, headers=headers
            ) as response:
                await response.read()
                status, pause = response.status, float(response.headers.get("Retry-After") or 1)
        except (aiohttp.ClientError, TimeoutError):
            pass
        return Sample(request.name, started, time.perf_counter() - began, status), pause

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


@dataclass(frozen=True)
class Crowd:
    """What one account sends: each request by a number of connections at the same time."""

    url: str
    token: str
    address: str
    requests: Sequence[tuple[Request, int]]


async def run_crowd(crowd: Crowd, stop: asyncio.Event) -> list[Sample]:
    """Repeat the requests of a crowd until `stop` is set."""
    caller = Caller(crowd.url, crowd.token, crowd.address)
    samples: list[Sample] = []

    async def repeat(request: Request) -> None:
        count = 0
        while not stop.is_set():
            headers = {name: value.replace("number", str(count)) for name, value in request.headers.items()}
            sample, pause = await caller.send(replace(request, headers=headers))
            samples.append(sample)
            if sample.status in REFUSED or sample.status == 0:
                await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=pause)
            else:
                count += 1

    tasks = [asyncio.create_task(repeat(request)) for request, count in crowd.requests for _ in range(count)]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await caller.close()
    return samples


@contextmanager
def attacking(crowd: Crowd) -> Generator[list[Sample]]:
    """A crowd in a process of its own for the time of the block; its samples are there afterwards."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_attack, args=(crowd, theirs), daemon=True)
    process.start()
    samples: list[Sample] = []
    try:
        assert ours.poll(120) and ours.recv() == "started"
        yield samples
        ours.send("stop")
        if ours.poll(60):
            samples += ours.recv()
    finally:
        process.join(10)
        process.kill()


def _attack(crowd: Crowd, pipe: Any) -> None:
    async def run() -> list[Sample]:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), stop.set)
        pipe.send("started")
        return await run_crowd(crowd, stop)

    pipe.send(asyncio.run(run()))


def statuses(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """How often each status was the answer, by request."""
    counted: dict[str, Counter[int]] = {}
    for sample in samples:
        counted.setdefault(sample.name, Counter())[sample.status] += 1
    return {
        name: {str(status): number for status, number in sorted(counts.items())} for name, counts in counted.items()
    }
