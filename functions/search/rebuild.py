"""New versions of a shop's index: asked for by an administrator, or due; one at a time, as a job with progress.

The job and its subject lie in the shop's own partition of `studio`. The subject is created or replaced on condition
that it is still the one that was read, so of two who ask at once one makes the job and both are told of it.
"""

from __future__ import annotations

from typing import Any, Final

from functions.search import indexer, records, shops
from functions.search.engine import index, running_model
from functions.search.engine.port import IndexModelMismatch, Manifest
from functions.search.models import Rebuild
from shared import audit, clock, telemetry
from shared.accounts.documents import accounts
from shared.documents import Create, Document, Operation, Replace, Where, store
from shared.errors import BatchFailed, StudioError
from shared.http.auth import Principal
from shared.jobs import protocol, queues
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.webhooks.publish import WebhookPublisher

CONTAINER: Final = shops.CONTAINER
SUBJECT: Final = "index-rebuild"
KIND: Final = "index.rebuild"
OPEN: Final = ("queued", "processing", "retrying")
CHUNK: Final = 500


def request(admin: Principal, shop: str, request_id: str) -> Rebuild:
    """Begin a rebuild from what is kept of the products, or tell of the one that is under way."""
    found, started = start(shop, full=True, reason="asked", request_id=request_id)
    if started:
        audit.record(admin.user_id, "INDEX_REBUILD_REQUESTED", subject=shop, jobId=found["jobId"])
    return Rebuild(job_id=found["jobId"].removeprefix("job:"), shop=shop, status=found["status"], started=started)


def latest(shop: str) -> Document | None:
    """The subject of a shop's latest rebuild."""
    return store().find(CONTAINER, SUBJECT, shops.partition(shop))


def start(shop: str, *, full: bool, reason: str, request_id: str | None = None) -> tuple[dict[str, Any], bool]:
    """Make a rebuild's job unless there is one under way: (its subject, whether it was made).

    Args:
        full: read all products; else the version and the journal are merged.
    """
    before = latest(shop)
    if before is not None and before["status"] in OPEN:
        return before, False
    partition = shops.partition(shop)
    payload = {"shop": shop, "full": full, "reason": reason}
    job = protocol.new_job(KIND, queues.REBUILD, partition, payload, subject_id=SUBJECT, request_id=request_id)
    subject = {
        "id": SUBJECT,
        "userId": partition,
        "type": "index_rebuild",
        "shop": shop,
        "jobId": job["id"],
        "reason": reason,
        "status": "queued",
        "version": None,
        "error": None,
        "createdAt": clock.iso(),
        "updatedAt": clock.iso(),
    }
    write: Operation = Create(subject) if before is None else Replace(subject, etag=before.etag)
    try:
        store().batch(CONTAINER, partition, [write, Create(job)])
    except BatchFailed:
        # Somebody else was faster; theirs is as good.
        return store().read(CONTAINER, SUBJECT, partition), False
    protocol.enqueue(job)
    return subject, True


class RebuildStep(WebhookPublisher):
    """The `rebuild-index` queue's step (see `shared.jobs.consumer.Step`). A repeated attempt begins a version anew;
    what the one before has left counts for nothing and is tidied by the engine."""

    def run(self, task: Task) -> Outcome:
        """Build, test and publish a version.

        Raises:
            StudioError: `index_published_meanwhile`, retryable: built anew from what stands; `index_refused`.
        """
        shop: str = task.payload["shop"]

        def progress(step: str, share: float) -> None:
            task.progress(step, round(40 + 60 * share))

        if task.payload["full"]:
            manifest, embedded = _from_products(task, shop, progress)
        else:
            try:
                manifest, embedded = index().merge(shop, progress), 0
            except IndexModelMismatch:
                manifest, embedded = _from_products(task, shop, progress)
        telemetry.log("index.published", shop=shop, version=manifest.version, products=manifest.count)
        task.progress("published", 100)
        facts = {"version": manifest.version, "products": manifest.count, "embedded": embedded}
        return Outcome(result=facts, subject={"version": manifest.version, "error": None})

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """The version before goes on answering."""
        return Outcome()

    def after_commit(self, job: Job) -> None:
        """Nothing to tidy."""

    def on_lease_lost(self, job: Job) -> None:
        """Nothing to tidy: the engine removes builds that nothing names."""

    def push(self, job: Job) -> None:
        """Nobody's page shows it."""


def _from_products(task: Task, shop: str, progress: Any) -> tuple[Manifest, int]:
    """A version out of all products of a shop by their stored embeddings; those without one of the running model are
    embedded on the way. Returns it and how many these were."""
    build = index().begin(shop)
    try:
        task.progress("comparing", 1)
        embedded = _reconcile(task, shop)
        chunk: list[Any] = []
        for record in records.of_shop(shop):
            if record["modelId"] == build_model():
                chunk.append(records.item(record))
            if len(chunk) >= CHUNK:
                build.add(chunk)
                chunk = []
                task.progress("collecting", 35)
        build.add(chunk)
        return index().publish(build, progress), embedded
    finally:
        build.abandon()


def build_model() -> str:
    """Id of the encoder whose vectors may go into a version made here."""
    return running_model().id


def _reconcile(task: Task, shop: str) -> int:
    """Make embedding documents follow the products: each that is missing, old, of another model or left over. Returns
    how many were brought up to date."""
    model = build_model()
    kept = {
        record["id"]: (record["tenantId"], record["revision"], record["modelId"]) for record in records.of_shop(shop)
    }
    vendors: dict[str, str | None] = {}
    due: list[tuple[str, str]] = []
    for product in _active():
        vendor = product["tenantId"]
        if vendor not in vendors:
            account = accounts.find(vendor, vendor)
            vendors[vendor] = account.shop if account else None
        if vendors[vendor] != shop:
            continue
        if kept.pop(product["id"], None) != (vendor, product["revision"], model):
            due.append((vendor, product["id"]))
    due += [(vendor, id) for id, (vendor, _, _) in kept.items()]
    for number, (vendor, id) in enumerate(due):
        task.progress("embedding", 2 + 30 * number // len(due))
        try:
            indexer.follow(vendor, id)
        except StudioError as error:
            if error.retryable:
                raise
            # One picture that can't be looked at must not keep the others from being found.
            telemetry.log("index.product_left_out", level="error", productId=id, code=error.code)
    return len(due)


def _active() -> Any:
    continuation: str | None = None
    while True:
        where = (Where("type", "=", "product"), Where("status", "=", indexer.ACTIVE))
        page = store().query(indexer.PRODUCTS, *where, limit=500, continuation=continuation)
        yield from page.items
        continuation = page.continuation
        if continuation is None:
            return


def tend() -> tuple[int, int]:
    """One pass of the timer: entries left unconfirmed are sent again, shops whose index is due get a rebuild.

    Returns:
        How many of each.
    """
    sent, begun = indexer.sweep(), 0
    for shop in shops.known():
        due = index().stats(shop).rebuild_due
        if due is not None:
            begun += start(shop, full=due in ("first", "model", "unreadable"), reason=due)[1]
    return sent, begun
