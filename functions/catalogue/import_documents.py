"""The document and the job of an import that is too large for one request, or that fetches pictures."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import JobId, JobSubject
from shared.tables.format import TableFormat

KEEP_S: Final = 30 * 24 * 3600
"""How long an import and its report can be looked up."""
IMPORT_JOB: Final = "products.import"


class ImportId(DocumentId):
    """`import:<id>`."""

    prefix: ClassVar[str] = "import:"


class ImportCounts(Record, frozen=True):
    """What became of the products so far."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    awaiting_photo: int = Field(default=0, description="of those not refused: on sale once their photo is there")
    photos_fetched: int = Field(default=0, description="photos fetched from the addresses of the file")

    def plus(self, other: ImportCounts) -> ImportCounts:
        """The counts of two parts of a file."""
        names = ImportCounts.model_fields
        return ImportCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})


class ImportDocument(JobSubject, StoredDocument, frozen=True):
    """An import. Its status follows its job's."""

    type: Literal["product_import"] = "product_import"
    id: ImportId
    user_id: str = Field(description="the vendor; the partition")
    job_id: JobId
    kind: str = Field(description="of the file, as its columns show")
    products: int = Field(description="in the file")
    counts: ImportCounts = ImportCounts()
    file_blob: str = Field(description="name of the file in the container `imports`")
    report_blob: str | None = Field(default=None, description="name of the report, once the import has ended")
    created_at: Timestamp


class ImportPayload(Record, frozen=True):
    """What the job of an import needs."""

    file_blob: str
    read: TableFormat
    currency: str | None = Field(default=None, description="ISO 4217, of prices beside which the file names none")
    fetch: bool = Field(default=False, description="fetch photos from the addresses in the file")


class ImportResult(ImportCounts, frozen=True):
    """What the job of an import results in."""

    import_id: str = Field(description="id as clients see it")


imports: Final = Repository(ImportDocument)
