"""The main job, played: two shoppers, two conversions, one provider that fails, and notifications on every channel.

Everything goes through HTTP, queues and sockets as it would from outside. What is looked at behind the scenes are the
emulators' outboxes, since the links in e-mails have to be read.
"""

from __future__ import annotations

import io
import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from demo.accounts import administrator, confirm_email, confirm_phone
from demo.analytics import merchant_predicts
from demo.client import Client, Live
from demo.page import Story, write_page
from demo.paypal import buy_pack
from demo.photos import people
from demo.search import search
from demo.steps import Steps, Stop
from demo.tryon import Look, look_of, try_on
from demo.vendor import vendor_drop
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

SETTINGS = {
    "JOB_BACKOFF_BASE_S": "0.5",
    "JOB_BACKOFF_CAP_S": "3",
    "JOB_OUTAGE_S": "0",
    "JOB_MAX_ATTEMPTS": "3",
    "RATE_LIMIT_SCALE": "10",
    "CONVERSION_QUOTA": "12",
}
"""Only patience and limits differ from the defaults: three attempts, seconds apart, so that the demo is short."""

PROVIDER = {"websocket": "webpubsub"}
"""Channels whose emulator goes by another name."""

RAINY = "on a rainy evening"
"""The prompt by which the emulated Gemini knows which conversion to refuse."""


@dataclass
class Shopper:
    """A shopper and what became of them, for the page."""

    name: str
    email: str
    phone: str
    client: Client
    person: bytes
    person_name: str
    garment: bytes
    garment_name: str
    live: Live | None = None
    images: dict[str, str] = field(default_factory=dict[str, str])
    conversion: dict[str, Any] = field(default_factory=dict[str, Any])
    story: list[str] = field(default_factory=list[str])


def play(
    *,
    person: Path | None,
    garment: Path | None,
    out: Path,
    as_json: bool,
    documents: str | None = None,
    flex: bool = False,
) -> int:
    """Play everything; returns the exit status.

    Args:
        person, garment: photos of the user's own instead of the supplied ones.
        out: directory for the pictures and `index.html`.
        documents, flex: the document store, and processes by scaling group; see `Stack`.
    """
    for given in (person, garment):
        if given is not None and not given.is_file():
            print(f"studio: there is no file {given}", file=sys.stderr)
            return 2
    out.mkdir(parents=True, exist_ok=True)
    artifacts: list[str] = []
    with Steps(quiet=as_json) as steps:
        try:
            with steps.step("start", "Start storage, providers and the Functions host") as step:
                stack = Stack(settings=SETTINGS, log=out / "functions.log", documents=documents, flex=flex).__enter__()
                step.note = f"{len(stack.functions)} functions on {stack.url}"
        except Stop:
            stack = None
        if stack is not None:
            try:
                artifacts = _Play(stack, steps, out, person, garment).all()
            except Stop:
                pass
            finally:
                stack.__exit__(None, None, None)
    if as_json:
        print(json.dumps(steps.report(artifacts)))
    elif steps.ok:
        page = out / "index.html"
        shown = page.relative_to(Path.cwd()) if page.is_relative_to(Path.cwd()) else page
        print(f"\n{len(steps.steps)} steps in {steps.seconds:.0f} s. Look at {shown}")
    if not steps.ok:
        print(steps.error or "", file=sys.stderr)
        print(f"studio: the demo failed; what the app logged is in {out / 'functions.log'}", file=sys.stderr)
    return 0 if steps.ok else 1


class _Play:
    """The acts, together; each step's name is part of `--json`."""

    def __init__(self, stack: Stack, steps: Steps, out: Path, person: Path | None, garment: Path | None) -> None:
        self._stack = stack
        self._steps = steps
        self._out = out
        self._emulated = "gemini" in stack.providers
        self._own = bool(person or garment)
        first, second = people()
        garments = [draw_garment(spec) for spec in garment_specs(2, seed=11)]
        drawn: list[bytes] = []
        for piece in garments:
            buffer = io.BytesIO()
            piece.image.save(buffer, "JPEG", quality=92)
            drawn.append(buffer.getvalue())
        photos = [(person or first.photo), second.photo]
        run = secrets.token_hex(3)
        self._shoppers = [
            Shopper(
                name=who.name,
                email=f"{who.name.lower()}.{run}@example.com",
                phone=f"+1555010{number}{secrets.randbelow(900) + 100}",
                client=Client(stack.url),
                person=photo.read_bytes(),
                person_name=photo.name,
                garment=garment.read_bytes() if garment and number == 0 else drawn[number],
                garment_name=garment.name if garment and number == 0 else "garment.jpg",
            )
            for number, (who, photo) in enumerate(zip((first, second), photos, strict=True))
        ]

    def all(self) -> list[str]:
        """Play all acts; returns the files made."""
        stack, steps = self._stack, self._steps
        with steps.acts() as acts:
            acts.play(self._shop)
            shelf = acts.play(lambda: vendor_drop(stack, steps))
            found = acts.play(lambda: search(stack, steps, shelf.result))
            designs = acts.play(lambda: merchant_predicts(stack, steps, self._out))
            worn = acts.play(lambda: try_on(stack, steps, self._looks()))
        story = Story(
            shelf=shelf.result(),
            found=found.result(),
            designs=designs.result(),
            worn=worn.result(),
            shoppers=[shopper for shopper in self._shoppers if "result-optimised" in shopper.images],
            mails=self._mails(),
            emulated=frozenset(self._stack.providers),
        )
        with self._steps.step("page", "Write the page") as step:
            artifacts = write_page(self._out, story, self._steps)
            step.note = str(artifacts[0])
        return [str(artifact) for artifact in artifacts]

    def _shop(self) -> None:
        """The main job: two shoppers, a conversion each, and a purchase."""
        grace, eileen = self._shoppers
        self._sign_up()
        self._upload(grace, eileen)
        self._first_conversion(grace)
        if self._emulated:
            self._second_conversion(eileen)
        if "paypal" in self._stack.providers:
            buy_pack(grace.client, grace.name, self._steps, self._stack.providers["paypal"]["url"])

    def _looks(self) -> list[Look]:
        """Each shopper in her garment; the first one may be the user's own photo and garment."""
        return [
            look_of(f"{shopper.name}, her garment", shopper.person, shopper.garment, own=self._own and number == 0)
            for number, shopper in enumerate(self._shoppers)
        ]

    def _sign_up(self) -> None:
        with self._steps.step("register", "Two shoppers register") as step:
            for shopper in self._shoppers:
                password = secrets.token_urlsafe(12)
                shopper.client.register(shopper.email, password, displayName=shopper.name, phone=shopper.phone)
                shopper.live = Live(shopper.client)
            step.note = " and ".join(shopper.name for shopper in self._shoppers)
        if "email" not in self._stack.providers or "sms" not in self._stack.providers:
            return
        with self._steps.step("confirm-email", "Each confirms her e-mail address by the link sent to it") as step:
            for shopper in self._shoppers:
                step.note = confirm_email(self._stack, shopper.client)
        with self._steps.step("confirm-phone", "Each confirms her phone number by a code") as step:
            for shopper in self._shoppers:
                confirm_phone(self._stack, shopper.client)
            step.note = "no other SMS goes to a number before"

    def _upload(self, grace: Shopper, eileen: Shopper) -> None:
        with self._steps.step("upload-selfie", "Each uploads a selfie") as step:
            for shopper in (grace, eileen):
                image = shopper.client.upload(shopper.person, shopper.person_name, "person")
                shopper.images["person"] = image["id"]
                step.add(f"{image['width']}x{image['height']}")
        with self._steps.step("upload-garment", f"{grace.name} uploads a garment photo through the API") as step:
            image = grace.client.upload(grace.garment, grace.garment_name, "garment")
            grace.images["garment"] = image["id"]
            step.note = f"{image['width']}x{image['height']}, {len(grace.garment) // 1024} KiB"
        with self._steps.step("upload-sas", f"{eileen.name} uploads hers straight into Blob Storage (SAS)") as step:
            image = eileen.client.upload_by_sas(eileen.garment, eileen.garment_name, "garment")
            eileen.images["garment"] = image["id"]
            step.note = f"{image['width']}x{image['height']}, {len(eileen.garment) // 1024} KiB"

    def _ask(self, shopper: Shopper, **options: Any) -> dict[str, Any]:
        body = {
            "personImageId": shopper.images["person"],
            "garmentImageId": shopper.images["garment"],
            "options": options,
        }
        key = {"Idempotency-Key": secrets.token_hex(8)}
        first = shopper.client.call("POST", "conversions", json=body, headers=key)
        again = shopper.client.call("POST", "conversions", json=body, headers=key)
        if again["id"] != first["id"]:
            raise AssertionError("the same Idempotency-Key made two conversions")
        return first

    def _first_conversion(self, grace: Shopper) -> None:
        with self._steps.step("convert", f"{grace.name} asks for a conversion") as step:
            asked = self._ask(grace)
            step.note = f"accepted, {asked['status']}"
        with self._steps.step("progress-websocket", "Progress comes over the WebSocket") as step:
            self._job_news(grace, asked["jobId"], "completed", 90)
            step.note = " > ".join(self._states(grace, asked["jobId"]))
        with self._steps.step("fetch-result", f"{grace.name} fetches the result") as step:
            self._fetch(grace, asked["id"])
            step.note = f"{grace.conversion['processingMs']} ms in the worker"
        self._check_notifications(grace, asked["id"], "completed")

    def _second_conversion(self, eileen: Shopper) -> None:
        with self._steps.step("gemini-fails", "Gemini fails; the job is retried with backoff") as step:
            fault = {"mode": "503", "times": None, "match": RAINY}
            self._control("gemini", "POST", "faults", fault)
            asked = self._ask(eileen, prompt=RAINY)
            self._job_news(eileen, asked["jobId"], "retrying", 60)
            step.note = " > ".join(self._states(eileen, asked["jobId"]))
        with self._steps.step("dead-letter", "After the last attempt it becomes a dead letter") as step:
            self._job_news(eileen, asked["jobId"], "dead", 60)
            failed = eileen.client.call("GET", f"conversions/{asked['id']}")
            quota = eileen.client.call("GET", "auth/me")["quota"]
            if failed["status"] != "failed" or quota["used"] != 0:
                raise AssertionError(f"conversion {failed['status']}, quota {quota}")
            step.note = f"{failed['attempt']} attempts, {failed['error']['code']}; the quota was given back"
            eileen.story = self._states(eileen, asked["jobId"])
        self._check_notifications(eileen, asked["id"], "failed")
        with self._steps.step("redrive", "An administrator finds the dead letter and redrives it") as step:
            self._control("gemini", "DELETE", "faults")
            admin = administrator(self._stack)
            letters = admin.call("GET", "admin/dead-letters")["items"]
            letter = next(letter for letter in letters if letter["id"] == asked["jobId"])
            admin.call("POST", f"admin/dead-letters/{letter['id']}/redrive")
            job = eileen.client.wait(asked["jobId"], 60)
            if job["status"] != "completed":
                raise AssertionError(f"the redriven job is {job['status']}: {job['error']}")
            eileen.story += [f"redriven (generation {job['generation']})", "completed"]
            step.note = f"generation {job['generation']}, done in {job['attempt']} attempt"
        with self._steps.step("fetch-redriven", f"{eileen.name} fetches her result after all"):
            self._fetch(eileen, asked["id"])
        self._check_notifications(eileen, asked["id"], "completed", step_prefix="redriven-")

    def _job_news(self, shopper: Shopper, job_id: str, status: str, seconds: float) -> None:
        assert shopper.live is not None
        shopper.live.until(lambda m: m.get("jobId") == job_id and m.get("status") == status, seconds)

    @staticmethod
    def _states(shopper: Shopper, job_id: str) -> list[str]:
        assert shopper.live is not None
        states: list[str] = []
        for message in shopper.live.messages:
            if message.get("jobId") != job_id:
                continue
            progress = message.get("progress") or {}
            state = progress.get("step") if message["status"] == "processing" and progress else message["status"]
            state = {"retrying": "retry", "processing": f"attempt {message['attempt']}"}.get(state, state)
            if not states or states[-1] != state:
                states.append(state)
        return states

    def _fetch(self, shopper: Shopper, conversion_id: str) -> None:
        found = shopper.client.call("GET", f"conversions/{conversion_id}")
        if found["status"] != "completed":
            raise AssertionError(f"the conversion is {found['status']}")
        shopper.conversion = found
        for role, key in (("person", "personImage"), ("garment", "garmentImage"), ("result", "resultImage")):
            for form in ("optimised", "thumbnail"):
                rendition = found[key][form]
                answer = requests.get(rendition["url"], timeout=30)
                answer.raise_for_status()
                if form == "optimised":
                    name = f"{shopper.name.lower()}-{role}-{form}.webp"
                    (self._out / name).write_bytes(answer.content)
                    shopper.images[f"{role}-{form}"] = name

    def _check_notifications(self, shopper: Shopper, conversion_id: str, outcome: str, step_prefix: str = "") -> None:
        event = f"conversion.{outcome}"
        generation = 2 if step_prefix else 1
        channels: dict[str, tuple[str, Callable[[], str]]] = {
            "email": ("e-mail", lambda: self._email(shopper, conversion_id, outcome)),
            "sms": ("SMS", lambda: self._sms(shopper, conversion_id, outcome)),
            "websocket": ("WebSocket", lambda: self._socket(shopper, event, generation)),
        }
        for channel, (label, look) in channels.items():
            if PROVIDER.get(channel, channel) not in self._stack.providers:
                continue
            with self._steps.step(f"{step_prefix}{outcome}-{channel}", f"{shopper.name} notified by {label}") as step:
                step.note = look()

    def _email(self, shopper: Shopper, conversion_id: str, outcome: str) -> str:
        subject = {"completed": "ready", "failed": "could not"}[outcome]
        found = self._outbox(
            "email",
            lambda m: shopper.email in json.dumps(m) and subject in json.dumps(m) and conversion_id in json.dumps(m),
        )
        return str(found.get("subject") or found.get("content", {}).get("subject", ""))

    def _sms(self, shopper: Shopper, conversion_id: str, outcome: str) -> str:
        word = {"completed": "ready", "failed": "could not"}[outcome]
        found = self._outbox("sms", lambda m: conversion_id in json.dumps(m) and word in json.dumps(m))
        return str(found.get("body") or found.get("Body") or "")[:60] + "..."

    def _socket(self, shopper: Shopper, event: str, generation: int) -> str:
        assert shopper.live is not None
        wanted = f"-{generation}-"
        message = shopper.live.until(
            lambda m: m.get("type") == "notification" and m["event"] == event and wanted in m["notificationId"], 30
        )
        return str(message["subject"])

    def _outbox(self, provider: str, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while True:
            messages = self._control(provider, "GET", "outbox")
            items = (
                messages if isinstance(messages, list) else next(v for v in messages.values() if isinstance(v, list))
            )
            for message in items:
                if wanted(message):
                    return message
            if time.monotonic() > until:
                raise TimeoutError(f"no such message in the {provider} outbox, which holds {len(items)}")
            time.sleep(0.2)

    def _mails(self) -> list[dict[str, Any]]:
        if "email" not in self._stack.providers:
            return []
        messages = self._control("email", "GET", "outbox")
        return messages if isinstance(messages, list) else next(v for v in messages.values() if isinstance(v, list))

    def _control(self, provider: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        url = f"{self._stack.providers[provider]['url'].rstrip('/')}/_emulator/{path}"
        answer = requests.request(method, url, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None
