"""A shopper of these tests, and the real container that serves them with the tests' tiny engine."""

from __future__ import annotations

import io
import json
import os
import secrets
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from account_factory import new_account
from PIL import Image
from quick import eventually

from emulators.with_parent import parent_pipe, python
from functions.tryon import service
from functions.tryon.models import TryOn, TryOnRequest
from shared import blobs
from shared.accounts.documents import Role, accounts
from shared.commerce import quota
from shared.documents import Where, store
from shared.http.auth import Principal
from shared.images.documents import ImageKind, Visibility
from shared.images.uploads import add_image
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.jobs.models import TERMINAL, Job, JobStatus
from wardrobe import draw_garment, draw_mannequin, garment_spec

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "a-token-of-the-tests-that-is-long-enough"
SIZE = (192, 288)


class Container:
    """`python -m vto_container`, started and ended at will, always on the same port.

    A run with the seed `HELD` of the tiny engine goes on once there is a file at `gate`.
    """

    def __init__(self, storage: str, log: Path) -> None:
        self._log = log
        self.gate = log.with_name("gate")
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._environment = {
            **os.environ,
            "ENVIRONMENT": "development",
            "Storage": storage,
            "VTO_TOKEN": TOKEN,
            "VTO_ENGINE": "tiny",
            "VTO_QUEUE": "1",
            "VTO_JOB_TIMEOUT_S": "10",
            "TINY_GATE": str(self.gate),
            "VTO_ENGINES": '["bare"]',
            "VTO_PLUGINS": json.dumps(
                {name: f"tests.vto_container.tiny_engine:{name.title()}" for name in ("tiny", "bare")}
            ),
        }
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """See that it runs, on the port it had."""
        if self._process is not None and self._process.poll() is None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                python("vto_container", "--port", str(self._port)),
                cwd=ROOT, env=self._environment, stdin=parent_pipe(), stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._log.read_text()
        self._process.stdout.close()
        self._port = int(json.loads(line)["url"].rpartition(":")[2])

    def kill(self) -> None:
        """SIGKILL, as when the machine goes."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class Shopper:
    """A user of this test alone, with images of a person and of garments, and the running container."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.user = Principal(f"u{secrets.token_hex(6)}", Role.SHOPPER, "t", 0)
        self.id = self.user.user_id
        self._inputs: set[str] = set()
        self.add("person", person(), "person")
        self.add("shirt", garment("t-shirt"))

    def add(self, name: str, data: bytes, kind: Any = "garment") -> None:
        """Upload an image."""
        self._inputs.add(name)
        add_image(name, self.id, data, kind=kind, visibility=Visibility.PRIVATE, name=None)

    def ask(self, id: str, **fields: Any) -> TryOn:
        """Create a try-on, by default of the shirt on the person."""
        named = {"garmentUrl", "garmentImageId", "productId", "garments"} & set(fields)
        given = {"personImageId": "person", **({} if named else {"garmentImageId": "shirt"}), **fields}
        return service.create_tryon(self.user, id, TryOnRequest.model_validate_json(json.dumps(given)), "request-1")

    def get(self, id: str) -> TryOn:
        return service.get_tryon(self.user, id)

    def job(self, id: str) -> Job:
        return protocol.load(f"job:{id}", self.id)

    def deliver(self, id: str) -> Job:
        """Deliver the next message of its job, without the wait before it; returns the job."""
        if self.job(id).status == JobStatus.RETRYING:
            store().patch("studio", f"job:{id}", self.id, set={"nextAt": 0})
        consume(json.dumps(protocol.pointer(self.job(id))), service.step())
        return self.job(id)

    def drive(self, id: str) -> Job:
        """Deliver messages as the queue would until the job has ended."""

        def ended() -> Job | None:
            if (found := self.job(id)).status in TERMINAL:
                return found
            self.deliver(id)
            return None

        return eventually(ended, "the end of the job")

    def used(self) -> int:
        """What is charged this month."""
        return quota.get_usage(self.id)[0]

    def notified_events(self) -> list[str]:
        """The events of the user's notifications."""
        found = store().query("studio", Where("type", "=", "notification"), partition=self.id).items
        return sorted(one["event"] for one in found)

    def result_blobs(self) -> list[str]:
        """Names of the blobs of results."""
        containers = (blobs.TRYON, blobs.RESULTS, blobs.THUMBNAILS)
        names = [blob.name for container in containers for blob in blobs.listing(container, f"{self.id}/")]
        return [name for name in names if name.split("/")[1] not in self._inputs]


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@cache
def person(seed: int = 3) -> bytes:
    """A drawn figure from head to foot."""
    return jpeg(draw_mannequin(seed, SIZE).image)


@cache
def garment(category: str) -> bytes:
    """A drawn garment alone."""
    return jpeg(draw_garment(garment_spec(category, 4), (192, 240)).image)


def shelve(id: str, shop: str = "default", vendor: str = "v1") -> None:
    """A product's photo, as `functions/catalogue` keeps it for shoppers."""
    add_image(id, vendor, person(), kind=ImageKind.GARMENT, visibility=Visibility.PUBLIC, name="Coat")
    store().patch("studio", f"file:{id}", vendor, set={"productId": id})
    accounts.upsert(new_account(vendor, "vendor", shop=shop))
