"""Requests and answers of privacy: deletion of an account, its report, and the export."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shared.http.models import Answer, Body


class Erasure(Answer):
    """A deletion that has begun; every session of the account has ended."""

    job_id: str
    status: str
    receipt: str = Field(
        description="reads the report at `privacy/report`, since nobody can sign in any more; shown once"
    )


class ReceiptRequest(Body):
    """What was given when the deletion was asked for."""

    receipt: str = Field(min_length=1, max_length=200)


class Removed(Answer):
    """What there was of a person, all of it gone."""

    documents: dict[str, int] = Field(description="by type")
    blobs: dict[str, int] = Field(description="by container")
    bytes: int = Field(description="of all blobs together")
    sessions: int


class Kept(Answer):
    """What stays, and in what form."""

    payments: int = Field(description="anonymised: under a random name, linked to nobody")
    audit_entries: int = Field(description="ids only: addresses were cut out")
    expiring: str = Field(description="what goes by itself within days")


class ErasureReport(Answer):
    """How a deletion stands; `removed` and `kept` are there once it is done."""

    job_id: str
    status: str = Field(description="queued, running, retry_wait, done, failed or dead")
    progress: dict[str, Any] | None
    requested_at: str
    finished_at: str | None
    removed: Removed | None
    kept: Kept | None
    error: dict[str, Any] | None


class Export(Answer):
    """A person's own data as a zip: being made (202), or ready (200) at a URL that lives for minutes."""

    status: Literal["preparing", "ready", "failed"]
    job_id: str
    url: str | None = None
    bytes: int | None = None
    left_out: int | None = Field(default=None, description="pictures beyond the size of one export; named inside")
    made_at: str | None = None
    error: dict[str, Any] | None = None
