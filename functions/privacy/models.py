"""Requests and answers of privacy: deletion of an account, its report, and the export."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shared.http.models import Answer, Body


class Erasure(Answer):
    """A deletion that has started; every session of the account has ended."""

    job_id: str
    status: str
    receipt: str = Field(
        description="secret that reads the report at `privacy/report`, where no sign-in is needed; shown once"
    )


class ReceiptRequest(Body):
    """The receipt of a deletion."""

    receipt: str = Field(min_length=1, max_length=200)


class Removed(Answer):
    """What was deleted."""

    documents: dict[str, int] = Field(description="by type")
    blobs: dict[str, int] = Field(description="by container")
    bytes: int = Field(description="of all blobs together")
    sessions: int


class Kept(Answer):
    """What stays, and in what form."""

    payments: int = Field(description="anonymised payments, under a random user id")
    audit_entries: int = Field(description="entries of the audit log, without addresses")
    expiring: str = Field(description="what expires automatically within days")


class ErasureReport(Answer):
    """The state of a deletion; `removed` and `kept` are set once it is complete."""

    job_id: str
    status: str = Field(description="state of the job: queued, processing, retrying, completed, failed or dead")
    progress: dict[str, Any] | None
    requested_at: str
    finished_at: str | None
    removed: Removed | None
    kept: Kept | None
    error: dict[str, Any] | None


class Export(Answer):
    """A zip of the user's data: in preparation (202), or ready (200) at a URL that is valid for minutes."""

    status: Literal["preparing", "ready", "failed"]
    job_id: str
    url: str | None = None
    bytes: int | None = None
    left_out: int | None = Field(default=None, description="files beyond the size limit; listed in the archive")
    made_at: str | None = None
    error: dict[str, Any] | None = None
