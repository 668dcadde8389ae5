"""One item never ends a pass: poison in every container, queue and partition that a sweep reads."""

from __future__ import annotations

import base64
import importlib
import json
import re
import shutil
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from account_factory import add_account
from over_http import photo
from pydantic.alias_generators import to_camel

from functions.catalogue.documents import DropPayload
from functions.jobs import poison as poison_queues
from functions.jobs import sweeps
from functions.jobs.steps import STEPS, step_of
from functions.privacy import retention
from functions.privacy.documents import ERASE
from functions.search import indexer
from shared import blobs, clock, telemetry
from shared.documents import CONTAINERS
from shared.documents.model import StoredDocument, Timestamp
from shared.documents.sqlite import SqliteStore
from shared.images.documents import ImageKind
from shared.images.uploads import add_image
from shared.jobs import protocol, queues
from shared.jobs.consumer import consume, handle_poison_message
from shared.notifications import follow
from shared.passes import Pass

ROOT = Path(__file__).parents[1]
SWEEPS = {sweep.name: sweep for sweep in (*sweeps.SWEEPS, *sweeps.DAILY)}
ODD_NAMES = (
    "root.jpg",
    "/lead.jpg",
    "x//y.jpg",
    "%2e/a.jpg",
    "a?b/c/0/0-x.webp",
    "ü ü/é.jpg",
    "a#b/" + "0" * 64 + "/x.png",
    "q/" + "z" * 200,
)
NOT_JSON = (
    "",
    "not json",
    "[]",
    "{}",
    '{"jobId": 5}',
    json.dumps({"jobId": "a/b", "userId": "", "generation": 1, "attempt": 1}),
    "\ufeff{}",
    '{"v":1' * 50,
)


VENDOR = clock.new_id()
OLD = "2020-01-01T00:00:00.000Z"
KEPT_RIGHT = {"finishedAt", "expiresAt"}
"""Times by which sweeps find what ended lately; older ones are another sweep's, or past it."""
IS_STORED = re.compile(r"^class \w+\((?:\w*Document|Job\w*|AuditEntry)[,)]", re.MULTILINE)
UNREADABLE = {"handledAt": None, "visibility": "private", "productId": None, "bytes": "many", "shop": 7, "userId": 7}
SILENT = {"poison", "orphaned-uploads", "masks", "tryon-orphans"}
"""Sweeps that read only what poison can't look like: a query on a field of its type leaves it out."""


def due(model: type[StoredDocument]) -> dict[str, Any]:
    """Every moment that a kind stores, in the past: whatever a sweep waits for, it is due."""
    found: dict[str, Any] = {}
    for name, field in model.__pydantic_fields__.items():
        kinds = set(get_args(field.annotation)) | {field.annotation}
        alias = field.serialization_alias or to_camel(name)
        if name.endswith(("_at", "_until", "_due", "_from", "_since", "_epoch")) or kinds & {Timestamp}:
            late, old = (clock.now(), 1.0) if float in kinds else (clock.iso(), OLD)
            found[alias] = late if alias in KEPT_RIGHT else old
    return found


def states(model: type[StoredDocument]) -> list[str]:
    """Every state that a kind can be in."""
    field = model.__pydantic_fields__.get("status")
    kinds = {field.annotation, *get_args(field.annotation)} if field is not None else set[Any]()
    enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum)]
    return [member.value for enum in enums for member in enum] or ["ready"]


@cache
def kinds() -> list[type[StoredDocument]]:
    """Every kind of document that the product stores."""
    for path in (*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")):
        if IS_STORED.search(path.read_text()):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))

    def below(model: type[StoredDocument]) -> set[type[StoredDocument]]:
        return {model, *(deep for child in model.__subclasses__() for deep in below(child))}

    return sorted(below(StoredDocument) - {StoredDocument}, key=lambda model: model.__name__)


def tag_of(model: type[StoredDocument]) -> str | None:
    """What tells a kind from the others of its container."""
    field = model.__pydantic_fields__.get("type")
    return None if field is None else field.default


@pytest.fixture(scope="module")
def poison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with documents of every kind that no model can read, in each of its states and due in every sweep."""
    path = tmp_path_factory.mktemp("poison") / "documents.sqlite"
    documents = SqliteStore(path)
    kind_of = {"poison": ERASE, VENDOR: ImageKind.PERSON.value}
    for model in kinds():
        container, tag = model.container, tag_of(model)
        key = CONTAINERS[container].partition_key
        for state in states(model):
            for partition in ("poison", VENDOR):
                id = f"poison-{tag or container}-{state}"
                item = {**due(model), **UNREADABLE, "id": id, "status": state, "kind": kind_of[partition]}
                if tag is not None:
                    item["type"] = tag
                item[key] = id if key == "id" else partition
                documents.upsert(container, item)
    documents.close()
    return path


@pytest.fixture
def vendor(poison: Path, local: dict[str, str], change: Callable[..., None]) -> str:
    """A vendor among poison: the documents, and blobs of odd names in every container; those of the tests before are
    there still unless a sweep has deleted them."""
    shutil.copy(poison, local["DOCUMENTS"].removeprefix("sqlite:"))
    days = json.dumps({**dict.fromkeys((*ImageKind, *retention.LOOSE), 1), "no such kind": 1})
    change(
        CATALOGUE_ORPHAN_S="0", RETENTION_DAYS=days, TRYON_ORPHAN_S="0",
        EMAIL_CONNECTION="endpoint=http://127.0.0.1:9/;accesskey=aGVsbG8=",
    )  # fmt: skip
    for container in blobs.CONTAINERS:
        there = {blob.name for blob in blobs.listing(container)}
        for name in ODD_NAMES:
            if name not in there:
                blobs.put(container, name, b"poison", content_type="x/y")
    return add_account(VENDOR, role="vendor").id


def failures(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "studio"]
    return [line for line in lines if line["event"] in ("pass.item_failed", "document.unreadable")]


def test_poison_is_of_every_kind() -> None:
    named = {model.__name__ for model in kinds()}
    assert {"VisitDocument", "ApiKeyDocument", "SpendingCounter", "SegmentationDocument", "AuditEntry"} <= named
    assert {model.container for model in kinds()} >= set(CONTAINERS) - {"rate_limits", "leases", "idempotency"}


def test_every_timer_runs_sweeps() -> None:
    index = json.loads((ROOT / "functions" / "index.json").read_text())
    timers = [one["name"] for one in index if one["trigger"] == "timerTrigger"]
    assert sorted(timers) == ["retention", "sweeper"], "what a new timer runs belongs in SWEEPS"


@pytest.mark.parametrize("sweep", SWEEPS)
def test_poison_in_every_place_ends_no_sweep(vendor: str, sweep: str, caplog: pytest.LogCaptureFixture) -> None:
    overdue = protocol.new_job("drop", queues.DROPS, vendor, DropPayload(name="zz", etag="zz"))
    protocol.jobs.create(overdue.model_copy(update={"due_at": 1.0}))
    blobs.put(blobs.VENDOR_UPLOADS, f"{vendor}/A.txt", b"hello", content_type="text/plain")
    image = add_image(clock.new_id(), vendor, photo(), kind=ImageKind.PERSON, visibility="private", name=None)  # type: ignore[arg-type]
    caplog.set_level("INFO", "studio")
    module, _, name = SWEEPS[sweep].run.partition(":")
    done = getattr(importlib.import_module(module), name)()
    assert sweeps._numbers(done) is not None
    if sweep == "jobs":
        assert done >= 1
        assert protocol.jobs.get(overdue.id, vendor).sweeps == 1
    if sweep == "catalogue":
        assert done.recorded >= 1
    assert bool(failures(caplog)) is (sweep not in SILENT), "an operator sees it"
    assert blobs.info(blobs.IMAGES, image.renditions["original"].name)


def test_poison_in_every_queue_raises_nothing(vendor: str) -> None:
    for message in NOT_JSON:
        for step in map(step_of, STEPS):
            consume(message, step)
            handle_poison_message(message, lambda made=step: made, "m1")
        indexer.consume(message)
        indexer.handle_poison_message(message)
    for lane in (*queues.Lane, queues.INDEX):
        for message in NOT_JSON[1:]:
            queues.client(lane + queues.POISON).send_message(message)
    assert poison_queues.drain() == (len(queues.Lane) + 1) * (len(NOT_JSON) - 1)


def test_poison_among_reports_of_emails(vendor: str) -> None:
    queue = queues.raw_client(queues.EMAIL_REPORTS)
    for content in (*NOT_JSON[1:], base64.b64encode(b"\xff\xfe").decode(), "[" * 5000):
        queue.send_message(content)
    follow._read_reports(32)
    assert not list(queue.peek_messages(max_messages=32))


def test_what_failed_is_counted() -> None:
    from prometheus_client import REGISTRY

    def counted() -> float:
        telemetry.flush()
        return REGISTRY.get_sample_value("studio_pass_failures_total", {"kind": "test"}) or 0.0

    before = counted()
    sweep = Pass("test")
    for number in range(3):
        with sweep.item(number=number):
            if number != 1:
                raise ValueError("poison")
    assert (sweep.failed, counted() - before) == (2, 2.0)


def test_lists_leave_out_what_cannot_be_read(vendor: str) -> None:
    from functions.catalogue import service
    from functions.catalogue.models import DropsQuery, ProductsQuery
    from functions.upload import service as uploads
    from functions.upload.models import ImagesQuery
    from shared.accounts.documents import Role
    from shared.http.auth import Principal

    user = Principal(vendor, Role.VENDOR, "t", clock.now() + 60)
    image = add_image(clock.new_id(), vendor, photo(), kind=ImageKind.GARMENT, visibility="private", name=None)  # type: ignore[arg-type]
    assert [one.id for one in uploads.list_images(user, ImagesQuery()).items] == [image.id.public]
    assert service.list_products(user, ProductsQuery()).items == []
    assert service.list_drops(user, DropsQuery()).items == []


def test_an_account_among_poison_is_erased(vendor: str) -> None:
    from functions.privacy import personal_data

    personal_data.delete_blobs(vendor)
    personal_data.delete_documents(vendor)
    assert personal_data.count_personal_data(vendor).documents == {}
