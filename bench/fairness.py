"""What one user's costly work does to another's: an attacker keeps 176 requests open, a victim reads and uploads.

The attacker sends 48 uploads of 36 megapixels (files of a kilobyte), 40 segmentations, 50 long polls and 38 repeats of
one upload under one idempotency key, sends the next when one is answered, and waits where the answer asks it to. Quiet
and attacked phases alternate in one run on the default limits: compare the ratios.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import requests
from PIL import Image

from bench._common import quantile, register
from bench._processes import cpu_seconds
from bench._request_units_meter import charges
from bench._traffic import Caller, Crowd, Request, Sample, attacking, statuses
from bench.ceilings import SERVERLESS_RU
from demo.client import Client
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

ROUNDS: Final = 3
PHASE_S: Final = 40.0
QUICK_PHASE_S: Final = 15.0
GETS_A_SECOND: Final = 8
UPLOAD_EVERY_S: Final = 2.0
GOALS: Final = {"get": 3.0, "upload": 5.0}
"""Largest ratio of the attacked p99 to the quiet one: of GETs, and of the median of uploads."""
PROMPT: Final = "with a lining of blue silk"
HUGE: Final = Path(__file__).with_name("one_colour_36mp.avif").read_bytes()


def main(*, quick: bool = False, documents: str = "sqlite") -> dict[str, Any]:
    """Measure the victim's times, quiet and attacked; `ok` if their ratios reach the goals.

    On `cosmos` each container has 5,000 request units a second, and what the attack has used of them is listed.
    """
    with Stack(documents=documents, throughput=SERVERLESS_RU if documents == "cosmos" else None) as stack:
        attacker, victim = register(stack), register(stack)
        crowd = Crowd(stack.url, token_of(attacker), "127.0.0.2", attack(stack, attacker))
        length = (1, QUICK_PHASE_S) if quick else (ROUNDS, PHASE_S)
        busy: dict[str, Counter[str]] = {"quiet": Counter(), "attacked": Counter()}
        quiet, attacked, sent = measure(stack, victim, crowd, *length, busy)
        charges = dearest(stack)
    shares = {name: _shares(seconds, length[0] * length[1]) for name, seconds in busy.items()}
    figures = {"quiet": summary(quiet), "attacked": summary(attacked)}
    ratios = {
        "get": round(figures["attacked"]["get"]["p99"] / figures["quiet"]["get"]["p99"], 2),
        "upload": round(figures["attacked"]["upload"]["p50"] / figures["quiet"]["upload"]["p50"], 2),
    }
    ok = all(ratios[name] <= goal for name, goal in GOALS.items())
    return {"ok": ok, "ratios": ratios, "victimMs": figures, "attackerAnswers": statuses(sent), "processors": shares,
            **charges}  # fmt: skip


def _shares(seconds: Counter[str], of: float) -> dict[str, float]:
    """Processors in use, by process: 1 is one all the time."""
    return {name: round(used / of, 2) for name, used in seconds.most_common()}


def dearest(stack: Stack) -> dict[str, Any]:
    """On Cosmos DB the ten dearest kinds of operations of the run: request units and how many."""
    if "cosmos" not in stack.providers:
        return {}
    found: dict[str, dict[str, float]] = {}
    for one in charges(stack.providers["cosmos"]["url"]):
        of = found.setdefault(f"{one['container']} {one['operation']}", {"ru": 0.0, "count": 0})
        of["ru"] += one["ru"]
        of["count"] += one["count"]
    return {"requestUnits": dict(sorted(found.items(), key=lambda one: -one[1]["ru"])[:10])}


def token_of(client: Client) -> str:
    """The access token of a signed-in client."""
    return str(client.session.headers["Authorization"]).removeprefix("Bearer ")


def photo(megapixels: float, seed: int) -> bytes:
    """A JPEG of a garment in front of a grained wall."""
    side = int((megapixels * 1e6) ** 0.5)
    image = draw_garment(garment_specs(1, seed)[0], (600, 600)).image.convert("RGB").resize((side, side))
    grain = np.random.default_rng(seed).normal(0, 3, (side, side, 1))
    out = io.BytesIO()
    Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def attack(stack: Stack, client: Client) -> list[tuple[Request, int]]:
    """The attacker's requests, each with its number of connections; makes what they need.

    The job of the long polls waits until long after the run, because the emulated Gemini asks it to.
    """
    fault = {"mode": "429", "match": PROMPT, "times": None, "retryDelay": 3600}
    requests.post(f"{stack.providers['gemini']['url']}/_emulator/faults", json=fault, timeout=10).raise_for_status()
    pictures = [client.upload(photo(3.9, 10 + number), "a.jpg", "garment")["id"] for number in range(4)]
    kinds = [(target, output) for target in ("garment", "person") for output in ("mask", "cutout")]
    segmentations = [
        Request.of_json("segmentation", "POST", "cv/segmentation", {"imageId": id, "target": target, "output": output})
        for id in pictures
        for target, output in kinds
    ]
    person = client.upload(photo(0.3, 1), "p.jpg", "person")["id"]
    wanted = {"personImageId": person, "garmentImageId": pictures[0], "options": {"prompt": PROMPT}}
    conversion = client.call("POST", "conversions", json=wanted)
    upload = Request("upload", "POST", "images/upload?kind=garment", {"Content-Type": "image/avif"}, HUGE)
    keyed = {**upload.headers, "Idempotency-Key": "the-same-number"}
    return [
        (upload, 48),
        *((segmentations[number % len(segmentations)], 1) for number in range(40)),
        (Request("longPoll", "GET", f"jobs/{conversion['jobId']}?wait=25"), 50),
        (Request("repeat", "POST", upload.path, keyed, HUGE), 38),
    ]


def measure(
    stack: Stack, victim: Client, crowd: Crowd, rounds: int, seconds: float, busy: Mapping[str, Counter[str]]
) -> tuple[list[Sample], list[Sample], list[Sample]]:
    """The victim's samples of the quiet and of the attacked phases, and the attacker's.

    Args:
        busy: gets the processor seconds of the phases, by process.
    """
    quiet: list[Sample] = []
    attacked: list[Sample] = []
    sent: list[Sample] = []
    token = token_of(victim)
    asyncio.run(act(stack.url, token, 5))
    for _ in range(rounds):
        with _counting(busy["quiet"]):
            quiet += asyncio.run(act(stack.url, token, seconds))
        with ExitStack() as under_attack:
            samples = under_attack.enter_context(attacking(crowd))
            time.sleep(2)
            with _counting(busy["attacked"]):
                attacked += asyncio.run(act(stack.url, token, seconds))
        sent += samples
        time.sleep(5)
    return quiet, attacked, sent


@contextmanager
def _counting(busy: Counter[str]) -> Generator[None]:
    before = cpu_seconds()
    yield
    busy.update(cpu_seconds() - before)


async def act(url: str, token: str, seconds: float) -> list[Sample]:
    """What a victim does: GETs at a constant rate and an upload now and then, each sent when it is due."""
    caller = Caller(url, token, "127.0.0.3")
    reads = (Request("get", "GET", "auth/me"), Request("get", "GET", "images"))
    upload = Request("upload", "POST", "images/upload?kind=person", {"Content-Type": "image/jpeg"}, photo(1.0, 3))
    began = time.perf_counter()
    due = [(number / GETS_A_SECOND, reads[number % 2]) for number in range(int(seconds * GETS_A_SECOND))]
    due += [(0.03 + number * UPLOAD_EVERY_S, upload) for number in range(int(seconds / UPLOAD_EVERY_S))]

    async def send(at: float, request: Request) -> Sample:
        await asyncio.sleep(began + at - time.perf_counter())
        return (await caller.send(request))[0]

    samples = await asyncio.gather(*(send(at, request) for at, request in due))
    await caller.close()
    return samples


def summary(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """Milliseconds by request, and how many answers were no success."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({sample.name for sample in samples}):
        chosen = [sample for sample in samples if sample.name == name]
        ms = [sample.seconds * 1000 for sample in chosen]
        found[name] = {
            "calls": len(ms), "p50": quantile(ms, 0.5), "p99": quantile(ms, 0.99), "most": max(ms),
            "failed": sum(not 200 <= sample.status < 400 for sample in chosen),
        }  # fmt: skip
    return found
