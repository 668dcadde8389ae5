"""Products as the catalogue stores them; their embeddings and the versions of the index as search stores them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from pydantic import AliasChoices, Field
from pydantic.alias_generators import to_camel

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.images.documents import StoredRendition

type Part = Literal["image", "metadata"]
"""What a product is made of: a photo and a JSON file, which arrive in any order."""
PARTS: Final[tuple[Part, ...]] = ("image", "metadata")


class ProductStatus(StrEnum):
    """Whether a product is offered."""

    DRAFT = "draft"
    """It has a photo, and is not on sale; `draft` says why."""
    ACTIVE = "active"
    """It has a photo and metadata: shoppers find it and can try it on."""
    AWAITING_IMAGE = "awaiting_image"
    """It has metadata, and no photo yet."""
    RETIRED = "retired"
    """Its files were deleted; a new photo makes it active again."""


OFFERED: Final = (ProductStatus.ACTIVE, ProductStatus.DRAFT, ProductStatus.AWAITING_IMAGE)
"""All but retired: their files are watched."""


class ProductId(DocumentId):
    """Hash of vendor and SKU, without a prefix: clients also use it as `imageId` of the product's photo."""


class DraftReason(Record, frozen=True):
    """Why a product is not on sale."""

    code: str = Field(description="stable, for programs")
    message: str = Field(description="what is missing and what to do")


class SourceFile(Record, frozen=True):
    """The version of a vendor's file that a part of a product was made from."""

    name: str = Field(description="below the vendor's folder in `vendor-uploads`")
    etag: str = Field(description="of the blob, without quotes")


class ProductSources(Record, frozen=True):
    """The files of a product; None: there is none, or it was deleted."""

    image: SourceFile | None = None
    metadata: SourceFile | None = None

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Those there are."""
        return tuple(file for file in (self.image, self.metadata) if file is not None)

    def of(self, part: Part) -> SourceFile | None:
        """The file that a part was made from."""
        return self.image if part == "image" else self.metadata


class ProductRenditions(Record, frozen=True):
    """The stored forms of a product's photo."""

    original: StoredRendition
    optimised: StoredRendition = Field(description="long side 1600 pixels at most")
    thumbnail: StoredRendition = Field(description="long side 320 pixels at most")
    mask: StoredRendition = Field(description="grey, 255 where the garment is; as large as the original")
    cutout: StoredRendition = Field(description="on white, long side 1600 pixels at most")
    cutout_thumbnail: StoredRendition = Field(description="on white, long side 320 pixels at most")

    def by_name(self) -> dict[str, StoredRendition]:
        """All of them, by the names that clients see."""
        return {to_camel(name): rendition for name, rendition in self}


class ProductImage(Record, frozen=True):
    """A product's photo and what was made of it."""

    prefix: str = Field(description="folder of its blobs in every container; names the version of the vendor's file")
    renditions: ProductRenditions = Field(validation_alias="blobs", serialization_alias="blobs")
    width: int = Field(description="pixels of the original")
    height: int = Field(description="pixels of the original")
    sha256: str | None = Field(description="digest of the original, hex")
    bytes: int = Field(description="size of the original and its copies together")


class MeasuredColour(Record, frozen=True):
    """A dominant colour, measured inside the mask."""

    name: str
    hex: str
    share: float = Field(description="of the garment's area, 0 to 1")


class Price(Record, frozen=True):
    """An amount of money."""

    amount: str = Field(description="decimal, two digits after the point")
    currency: str = Field(description="ISO 4217")


class PhotoFields(Record, frozen=True):
    """What a product has from its photo; the defaults without one."""

    image: ProductImage | None = None
    colours: tuple[MeasuredColour, ...] = Field(default=(), description="largest first")
    garment_class: str | None = Field(default=None, description="as the garment parser sees it, `upper` for example")
    worn: bool | None = Field(default=None, description="whether a person wears it in the photo")
    confidence: float | None = Field(default=None, description="of the segmentation, 0 to 1")
    quality: Literal["good", "low"] | None = Field(default=None, description="of mask and cut-out")
    model_version: str | None = Field(default=None, description="of the garment parser, `name@hash`")


class MetadataFields(Record, frozen=True):
    """What a product has from its JSON file; the defaults without one."""

    title: str | None = None
    category: str | None = None
    price: Price | None = None
    colour: str | None = Field(default=None, description="as the vendor names it")
    tags: tuple[str, ...] = ()
    description: str | None = None


class ProductDocument(StoredDocument, PhotoFields, MetadataFields, frozen=True):
    """A vendor's product."""

    container: ClassVar[str] = "garments"
    type: Literal["product"] = "product"
    id: ProductId
    vendor_id: str = Field(
        validation_alias="tenantId", serialization_alias="tenantId", description="user id of the vendor; the partition"
    )
    sku: str = Field(description="the vendor's own name of the product")
    status: ProductStatus
    draft: DraftReason | None = Field(default=None, description="why it is a draft")
    withheld: bool = Field(default=False, description="whether the vendor has taken it off sale")
    revision: int = Field(description="grows with every change")
    sources: ProductSources = ProductSources()
    stale: tuple[str, ...] = Field(default=(), description="prefixes of replaced photos that are still to be deleted")
    propagation_due: float | None = Field(
        default=None,
        description="epoch seconds when the sweeper propagates the last change; None: image record and index have it",
    )
    created_at: Timestamp
    updated_at: Timestamp

    @property
    def name(self) -> str:
        """What shoppers see: the title, or the SKU without one."""
        return self.title or self.sku


class EmbeddingDocument(StoredDocument, frozen=True):
    """What the search index holds of a product, stored so that a rebuild reads no picture.

    It has its own container, so that lists of products do not read vectors and writing one does not compete with
    the catalogue's writes, and lies in the vendor's partition, so that it is deleted with the account.
    """

    container: ClassVar[str] = "embeddings"
    type: Literal["embedding"] = "embedding"
    id: ProductId
    vendor_id: str = Field(
        validation_alias="tenantId", serialization_alias="tenantId", description="user id of the vendor; the partition"
    )
    shop: str = Field(description="whose index it is in")
    revision: int = Field(description="of the product that was embedded")
    model_id: str = Field(description="encoder that made the vector, `fashion@<12 hex>`")
    picture: str = Field(description="prefix of the photo that was embedded")
    vector: str = Field(description="base64 of little-endian float32, unit length")
    category: str | None = None
    colours: tuple[str, ...] = Field(default=(), description="as the vendor names it, then as measured")
    price: int | None = Field(default=None, description="minor units of `currency`")
    currency: str | None = Field(default=None, description="ISO 4217")
    tags: tuple[str, ...] = ()
    words: str = Field(description="what a search by words looks at, one field a line")
    description: str = Field(default="", description="what a search by words looks at, too, for less")
    sku: str | None = Field(default=None, description="the vendor's own name of the product")
    seq: int | None = Field(default=None, description="number of its journal entry; None: not yet in the index")
    pending_since: float = Field(
        validation_alias=AliasChoices("pendingSince", "writtenAt"),
        description="epoch seconds of the write; while `seq` is None, since when the index lacks this revision",
    )
    due_at: float | None = Field(
        default=None, description="epoch seconds when the timer sends its message again; None: confirmed"
    )


class IndexVersionId(DocumentId):
    """`version:<version>`."""

    prefix: ClassVar[str] = "version:"


class IndexVersionDocument(StoredDocument, frozen=True):
    """A version of a shop's search index, for lists and for the age of the index: no manifest has to be read."""

    container: ClassVar[str] = "search_index"
    type: Literal["index_version"] = "index_version"
    id: IndexVersionId
    shop: str = Field(description="the partition")
    version: str
    built_at: Timestamp
    built_epoch: float = Field(description="epoch seconds when it was recorded")
    manifest: dict[str, Any] = Field(description="as it lies beside the files of the version")


products: Final = Repository(ProductDocument)
embeddings: Final = Repository(EmbeddingDocument)
index_versions: Final = Repository(IndexVersionDocument)
