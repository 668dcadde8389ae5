"""Requests and answers of imports of products."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.http.models import Answer, Query
from shared.http.page_query import PageQuery
from shared.jobs.models import JobProgress, RunError, RunStatus
from shared.tables.format import DecimalMark
from shared.tables.schemas import TableReading

type KindName = Literal["own", "shopify", "woocommerce", "google"]


class ImportQuery(Query):
    """How the file is to be read; what is left out is decided by the whole file."""

    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] | None = Field(
        default=None, description="ISO 4217, of prices beside which the file names none"
    )
    decimal: DecimalMark = Field(
        default="auto", description="mark before the decimals of prices: `1.299` is 1299 with `comma`"
    )
    sheet: str | None = Field(default=None, max_length=64, description="of a workbook; the one with the columns")
    pictures: Literal["upload", "fetch"] = Field(
        default="upload",
        description="`fetch`: photos that products lack are fetched from the https addresses in the file, by a job",
    )


class ImportFinding(Answer):
    """Something about one cell."""

    line: int = Field(description="of the file")
    column: str = Field(description="in lower case, `_` for spaces")
    read: str = Field(description="the cell, 80 characters at most")
    message: str = Field(description="what is wrong, or what to do")


class ImportedProduct(Answer):
    """What became of one product of the file."""

    line: int = Field(description="its first row")
    sku: str = Field(description="empty if it has none")
    product_id: str | None = Field(description="null if it was refused and is not in the catalogue")
    outcome: Literal["created", "updated", "unchanged", "refused"]
    status: str | None = Field(description="of the product now")
    problems: list[ImportFinding] = Field(description="why it was refused; nothing of it was changed then")
    notices: list[ImportFinding] = Field(description="what is left to do, or was left out")


class ImportPart(Answer):
    """A part of an import that a job has done."""

    products: list[ImportedProduct]
    photos_fetched: int


class ProductImport(Answer):
    """An import that a job does: how far it is, and its report once it has ended."""

    id: str
    job_id: str
    status: RunStatus
    kind: KindName = Field(description="as the columns of the file show")
    products: int = Field(description="in the file")
    progress: JobProgress | None = Field(description="null before the job starts")
    created: int = Field(description="so far, as the other counts are")
    updated: int
    unchanged: int
    refused: int
    awaiting_photo: int
    photos_fetched: int
    report_url: str | None = Field(description="JSON with every product, an `ImportReport`; once completed")
    error: RunError | None = Field(description="why the import failed")
    created_at: str


class ImportsQuery(PageQuery):
    """Which imports to list."""

    status: RunStatus | None = None


class ProductImportList(Answer):
    """A page of imports that jobs do, newest first, without the addresses of their reports: get an import for it."""

    items: list[ProductImport]
    continuation: str | None = None


class ImportReport(Answer):
    """What became of a file of products."""

    kind: KindName = Field(description="as its columns show")
    created: int
    updated: int
    unchanged: int
    refused: int
    awaiting_photo: int = Field(description="of those not refused: on sale once their photo is uploaded")
    photos_fetched: int = Field(description="from the addresses in the file, with `pictures=fetch`")
    read_as: list[TableReading] = Field(description="how the file was read, and why")
    ignored_columns: list[str] = Field(description="columns without a meaning here")
    products: list[ImportedProduct] = Field(description="in the file's order")
