"""Stored documents of account deletion and data export."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Self

from pydantic import ConfigDict, Field

from shared.documents.containers import DAY
from shared.documents.model import Record, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import Job, JobId, JobSubject

ERASE, EXPORT = "privacy.erase", "privacy.export"
"""Kinds of the jobs of the `privacy` queue."""
REPORT_KEEP_S: Final = 400 * DAY
"""As long as the audit log: what an authority may ask to see, and what to repeat after a backup was restored."""


class Inventory(Record, frozen=True):
    """What is stored of a person."""

    documents: dict[str, int] = Field(description="documents by type")
    blobs: dict[str, int] = Field(description="blobs by container")
    bytes: int = Field(description="size of all blobs together")
    sessions: int = Field(description="sessions, and links and codes that were sent")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not (self.count or self.sessions)

    @property
    def count(self) -> int:
        """Documents and blobs together."""
        return sum(self.documents.values()) + sum(self.blobs.values())


class ErasurePlan(Record, frozen=True):
    """What a deletion found before it removed anything."""

    removed: Inventory
    payments: int
    audit_entries: int
    pseudonym: str | None = Field(description="user id that payments get; None once the deletion is complete")


class ErasurePayload(Record, frozen=True):
    """Whose account to delete."""

    subject: str = Field(description="user id")


class KeptData(Record, frozen=True):
    """What stays after a deletion."""

    payments: int = Field(description="anonymised payments")
    audit_entries: int = Field(description="entries of the audit log, without addresses")
    expiring: str = Field(description="what expires automatically")


class ErasureResult(Record, frozen=True):
    """The report of a complete deletion."""

    removed: Inventory
    kept: KeptData


class ErasureJob(Job, frozen=True):
    """The deletion of an account; it is stored outside the person's partition."""

    model_config = ConfigDict(extra="ignore")

    receipt_digest: str = Field(default="", description="SHA-256 of the receipt's secret, hex")
    plan: ErasurePlan | None = None

    @classmethod
    def of(cls, job: Job, receipt_digest: str) -> Self:
        """A new job with the digest of its receipt."""
        return cls(**job.model_dump(exclude={"ttl"}), receipt_digest=receipt_digest, ttl=REPORT_KEEP_S)


class ExportPayload(Record, frozen=True):
    """An export has no parameters."""


class ExportDocument(JobSubject, frozen=True):
    """The latest export of a person's data; one document a user."""

    ID: ClassVar[str] = "export"

    type: Literal["export"] = "export"
    id: Literal["export"] = "export"
    user_id: str
    job_id: JobId
    blob: str | None = Field(default=None, description="name of the archive in the container `exports`")
    bytes: int | None = Field(default=None, description="size of the archive")
    left_out: int | None = Field(default=None, description="files that did not fit into the archive")
    created_at: Timestamp


class ExportResult(Record, frozen=True):
    """The result of an export's job."""

    bytes: int
    left_out: int


class LeftOutFile(Record, frozen=True):
    """A file that did not fit into an export."""

    file: str = Field(description="path it would have in the archive")
    bytes: int
    why: str


erasure_jobs: Final = Repository(ErasureJob)
exports: Final = Repository(ExportDocument)
