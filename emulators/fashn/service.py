"""FASHN's hosted API over REST: runs that are followed by polling, with an emulated picture.

Wire format: docs.fashn.ai and the official client (PyPI `fashn` 0.9.0).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from emulators.faults import Fault, retry_after
from emulators.gemini.pictures import NotAnImage, picture
from emulators.posted import as_object
from emulators.server import Emulator, answer

MODELS = ("tryon-v1.6",)
CHOICES = {
    "category": ("auto", "tops", "bottoms", "one-pieces"),
    "garment_photo_type": ("auto", "flat-lay", "model"),
    "mode": ("performance", "balanced", "quality"),
    "moderation_level": ("conservative", "permissive", "none"),
    "output_format": ("png", "jpeg"),
}
STATUS = {
    "BadRequest": 400,
    "UnauthorizedAccess": 401,
    "NotFound": 404,
    "RateLimitExceeded": 429,
    "ConcurrencyLimitExceeded": 429,
    "OutOfCredits": 429,
    "InternalServerError": 500,
}


class _Invalid(ValueError):
    """The inputs are invalid: 400 BadRequest."""


@dataclass
class _Run:
    """A run: what was asked for, and how far it is."""

    inputs: dict[str, Any]
    ends: str
    error: dict[str, str] | None
    polls: int = 0
    output: list[str] = field(default_factory=list[str])


class Fashn(Emulator):
    """`POST /v1/run`, `GET /v1/status/{id}`, `GET /v1/credits`.

    Fault modes: `error` (any error of a request by `name`, or with an HTTP `status`), `failed` (the run ends as failed
    with the error `name`), `ended` (it ends with the `status` canceled or time_out), `not_image`, `no_output`.
    A fault's `match` is looked for in the seed.
    """

    name = "fashn"
    modes = ("error", "failed", "ended", "not_image", "no_output")
    largest_body = 32 * 1024 * 1024

    def __init__(self, key: str, polls: int) -> None:
        super().__init__()
        self.key, self.polls = key, polls
        self.runs: dict[str, _Run] = {}
        self.credits = 1000

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--key", default="emulated-fashn-key", help="the API key that is accepted")
        parser.add_argument("--polls", type=int, default=1, help="polls answered as unfinished")

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/v1/run", self.run),
            web.get("/v1/status/{id}", self.status),
            web.get("/v1/credits", self.get_credits),
        ]

    def facts(self, url: str) -> dict[str, Any]:
        return {"apiKey": self.key}

    def reset(self) -> None:
        super().reset()
        self.runs.clear()

    def status_answer(self, fault: Fault) -> web.Response | None:
        if fault.mode != "error":
            return None
        name = str(fault.options.get("name", "InternalServerError"))
        status = int(fault.options.get("status", STATUS.get(name, 500)))
        return _error(status, name, headers=retry_after(fault))

    def _refused(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "").encode()
        if hmac.compare_digest(given, f"Bearer {self.key}".encode()):
            return None
        return _error(401, "UnauthorizedAccess")

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Start a run."""
        if refused := self._refused(request):
            return refused
        try:
            posted = as_object(await request.json())
            inputs = _checked(posted)
        except ValueError as wrong:
            return _error(400, "BadRequest", str(wrong))
        request["entry"] |= {"seed": inputs.get("seed"), "category": inputs.get("category")}
        fault, early = await self.early_answer(request, "run", str(inputs.get("seed", "")))
        if early:
            return early
        if self.credits < 1:
            return _error(429, "OutOfCredits")
        ends, error = "completed", None
        if fault and fault.mode == "failed":
            name = str(fault.options.get("name", "PipelineError"))
            ends, error = "failed", {"name": name, "message": "An emulated error."}
        elif fault and fault.mode == "ended":
            ends = str(fault.options.get("status", "canceled"))
        run = _Run(inputs, ends, error)
        if ends == "completed":
            try:
                run.output = await asyncio.to_thread(_drawn, inputs)
            except NotAnImage:
                run.ends, run.error = "failed", {"name": "ImageLoadError", "message": "An image can't be loaded."}
        if fault and fault.mode == "not_image":
            run.output = ["data:image/png;base64," + base64.b64encode(b"this is not a picture").decode()]
        if fault and fault.mode == "no_output":
            run.output = []
        id = f"{secrets.token_hex(8)}-e1"
        self.runs[id] = run
        return answer({"id": id, "error": None})

    async def status(self, request: web.Request) -> web.StreamResponse:
        """The state of a run; it moves with every poll."""
        if refused := self._refused(request):
            return refused
        id = request.match_info["id"]
        run = self.runs.get(id)
        if run is None:
            return _error(404, "NotFound")
        _, early = await self.early_answer(request, "status", str(run.inputs.get("seed", "")))
        if early:
            return early
        run.polls += 1
        if run.polls <= self.polls:
            return answer({"id": id, "status": "processing", "output": None, "error": None})
        if run.ends != "completed":
            return answer({"id": id, "status": run.ends, "output": None, "error": run.error})
        used = len(run.output)
        self.credits -= used if run.polls == self.polls + 1 else 0
        body = {"id": id, "status": "completed", "output": run.output, "error": None}
        return answer(body, headers={"x-fashn-credits-used": str(used)})

    async def get_credits(self, request: web.Request) -> web.Response:
        """The credits of the account."""
        if refused := self._refused(request):
            return refused
        credits = {"total": self.credits, "subscription": 0, "on_demand": self.credits}
        return answer({"credits": credits})


def _checked(posted: dict[str, Any]) -> dict[str, Any]:
    if posted.get("model_name") not in MODELS:
        raise _Invalid(f"the emulator knows the models {', '.join(MODELS)}")
    inputs = as_object(posted.get("inputs"))
    for name in ("model_image", "garment_image"):
        if not str(inputs.get(name, "")).startswith("data:image/"):
            raise _Invalid(f"{name} must be a data URI of an image: the emulator fetches no URLs")
    for name, choices in CHOICES.items():
        if name in inputs and inputs[name] not in choices:
            raise _Invalid(f"{name} must be one of {', '.join(choices)}")
    if inputs.get("return_base64") is not True:
        raise _Invalid("the emulator answers base64 only: set return_base64")
    if not 1 <= int(inputs.get("num_samples", 1)) <= 4:
        raise _Invalid("num_samples must be 1 to 4")
    return inputs


def _drawn(inputs: dict[str, Any]) -> list[str]:
    images = tuple(_decoded(str(inputs[name])) for name in ("model_image", "garment_image"))
    seed = int(inputs.get("seed", 42))
    return [
        "data:image/jpeg;base64,"
        + base64.b64encode(picture(images, f"{seed + n}", (2, 3), "1K")).decode()
        for n in range(int(inputs.get("num_samples", 1)))
    ]  # fmt: skip


def _decoded(uri: str) -> bytes:
    try:
        return base64.b64decode(uri.partition(",")[2], validate=True)
    except binascii.Error:
        raise NotAnImage("not base64") from None


def _error(status: int, name: str, message: str = "", headers: dict[str, str] | None = None) -> web.Response:
    return answer({"error": name, "message": message or f"An emulated {name}."}, status=status, headers=headers)
