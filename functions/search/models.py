"""Requests and answers of search."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from functions.search.documents import FeedbackKind
from shared.accounts.shops import ShopName
from shared.http.models import EXAMPLE_ID, Answer, Body, Id, Query, example
from shared.shown import Shown

type FacetName = Literal["category", "colour", "vendor", "tag"]
type Value = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=60)]
type Amount = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
type Alpha = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="1: the picture alone; 0: the words")]
type Cursor = Annotated[str, Field(min_length=1, max_length=2048, description="`next` of the page before")]
type After = Annotated[int, Field(ge=0, le=2**53, description="`indexSeq` of a product that must be seen already")]


def _some(values: list[str]) -> list[str]:
    if not values:
        raise ValueError("name at least one, or leave the filter out")
    return values


type Values = Annotated[list[Value], Field(min_length=1, max_length=50), AfterValidator(_some)]
type Ids = Annotated[list[Id], Field(min_length=1, max_length=50)]


class PriceRange(Body):
    """Inclusive bounds; only products of this currency that have a price."""

    min: Amount | None = None
    max: Amount | None = None
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = "EUR"


class SearchFilters(Body):
    """What must hold for a result: one value of each list that is given, and the price."""

    category: Values | None = None
    colour: Values | None = Field(default=None, description="as the vendor named it or as measured in the photo")
    vendor: Ids | None = None
    tag: Values | None = None
    price: PriceRange | None = None


class Search(Body):
    """What every search takes. For the next page send the same search with `cursor`."""

    top_k: int = Field(default=20, ge=1, le=100, description="results on a page")
    filters: SearchFilters | None = None
    facets: list[FacetName] | None = Field(default=None, max_length=4, description="fields to count")
    fold: bool = Field(default=False, description="of products that look the same show the best alone")
    per_vendor: int | None = Field(default=None, ge=1, le=100, description="at most so many results of one vendor")
    cursor: Cursor | None = None
    after: After | None = None


class _ByPicture(Search):
    image_url: str | None = Field(default=None, max_length=2048, description="a URL that this API gave out")
    image_id: Id | None = Field(default=None, description="an image of the caller, or of a product")
    crop: Literal["auto", "none"] = Field(default="auto", description="`auto`: the garment in the picture alone")

    @model_validator(mode="after")
    def one_source(self) -> Self:
        """Refuse none and both."""
        if (self.image_url is None) == (self.image_id is None):
            raise ValueError("name the picture by exactly one of imageUrl, imageId")
        return self


type Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    Field(
        description='what to look for; `-red` or `-"long sleeve"` keeps out what has that word or those words one '
        "after the other, and words in quotation marks must stand there as they are"
    ),
]


class ImageSearch(_ByPicture):
    """Products that look like a picture."""

    model_config = example(imageId=EXAMPLE_ID, topK=20)


class TextSearch(Search):
    """Products that words describe."""

    model_config = example(query="red dress", topK=20)

    query: Words


class HybridSearch(_ByPicture):
    """Products that look like a picture and that words describe."""

    model_config = example(imageId=EXAMPLE_ID, query="in navy", alpha=0.5)

    query: Words
    alpha: Alpha = 0.5
    negative: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)] | None = Field(
        default=None, description="what results should not look like; a single word is also kept out by its letters"
    )


class SimilarQuery(Query):
    """How many similar products to show."""

    top_k: int = Field(default=20, ge=1, le=100)
    fold: bool = False
    cursor: Cursor | None = None
    after: After | None = None


class Money(Answer):
    """An amount of money."""

    amount: str = Field(description="decimal, two digits after the point")
    currency: str = Field(description="ISO 4217")


class Why(Answer):
    """What each channel gave to the score; the three sum to it."""

    image: float
    text: float
    words: float


class SearchResult(Answer):
    """A product found."""

    id: str = Field(description="of the product; also the `imageId` of its photo")
    score: float = Field(description="standard deviations over a chance product, weighted over the channels")
    title: str
    image: str = Field(description="URL of the cut-out on white, good for minutes")
    price: Money | None
    vendor: str
    vendor_name: str | None
    category: str | None
    colours: list[str]
    why: Why


class FacetValue(Answer):
    """How many of all results have a value; a field's own filter is left out of its counts."""

    value: str
    count: int


class SearchAnswer(Answer):
    """A page of results, best first."""

    search_id: str = Field(description="for `search/feedback`")
    results: list[SearchResult]
    total: int = Field(description="products that are results: what neither has the words nor resembles is none")
    facets: dict[FacetName, list[FacetValue]] | None
    index_version: str = Field(description="of the version that answered; empty before the first one")
    index_seq: int = Field(description="last write that the answer knows of")
    model_id: str
    quality: Literal["demo", "byo"] = Field(description="`demo`: the small model this repository trains")
    vocabulary: Literal["closed", "open"] = Field(description="`closed`: the text model knows a list of words")
    did_you_mean: str | None = Field(
        description="the words searched for, with those that no product has replaced by similar words of the shop"
    )
    unknown_terms: list[str] = Field(description="words that were looked for by their letters alone")
    took_ms: float
    next: str | None = Field(description="cursor of the next page; it ends some time after the index version does")


class FeedbackRequest(Body):
    """What a user did with a result."""

    search_id: Id
    product_id: Id
    kind: Annotated[FeedbackKind, Field(strict=False)] = FeedbackKind.CLICK


class RebuildRequest(Body):
    """The shop whose index to rebuild."""

    shop: ShopName | None = Field(default=None, description="the caller's own by default")


class Rebuild(Answer):
    """A rebuild that is under way; follow it at `admin/jobs/{jobId}`."""

    job_id: str
    shop: str
    status: str = Field(description="queued, processing or retrying")
    started: bool = Field(description="false: it was under way already, and this request began nothing")


class IndexVersionsQuery(Query):
    """Whose index to look at."""

    shop: ShopName | None = Field(default=None, description="the caller's own by default")


class IndexVersion(Answer):
    """One version of a shop's index that is kept."""

    version: str
    current: bool
    parent: str | None
    engine: str
    model_id: str
    dim: int
    count: int = Field(description="products in it")
    bytes: int
    seq: int = Field(description="last journal entry in it")
    built_at: str
    eval: dict[str, float] = Field(description="recall@10 of its self-test against an exhaustive search, by modality")


class LatestRebuild(Answer):
    """The latest rebuild of an index."""

    job_id: str
    status: str
    reason: str = Field(description="asked, first, model, unreadable, delta, hidden or age")
    at: str = Field(description="of its last change")


class IndexVersions(Answer):
    """The versions of a shop's index, newest first, and its state."""

    shop: str
    engine: str
    current: str | None
    items: list[IndexVersion]
    products: int = Field(description="of the current version")
    delta: int = Field(description="written since")
    hidden: int = Field(description="rows of the version that later writes replaced or deleted")
    seq: int
    rebuild_due: str | None = Field(
        description="why the next comes: first, model, unreadable, analysis, delta, hidden or age"
    )
    rebuild: LatestRebuild | None


class RollbackRequest(Body):
    """Why to answer from an older version."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500), Shown]
    shop: ShopName | None = Field(default=None, description="the caller's own by default")


class EvalQuery(Query):
    """Which searches to evaluate."""

    days: int = Field(default=30, ge=1, le=90, description="back from now")


class Estimate(Answer):
    """A figure with its 95 % interval; null without a case to judge by."""

    value: float | None
    low: float | None
    high: float | None
    n: int = Field(description="searches it is over")


class KindFigures(Answer):
    """Quality of one kind of search; first pages alone."""

    searches: int
    clicks: int
    buys: int
    click_through_rate: Estimate = Field(description="share with a click")
    hit_rate10: Estimate = Field(description="share with a click or a buy among the first ten results")
    mrr: Estimate = Field(description="mean of 1/rank of the first result acted on, over searches with feedback")
    ndcg10: Estimate = Field(description="gain 1 for a click, 2 for a buy, over searches with feedback")
    zero_results: Estimate = Field(description="share without a result")
    unknown_terms: Estimate = Field(description="share with a word the text model does not know")
    reformulated: Estimate = Field(
        description="share without a click after which the same user searched again in other words within a minute"
    )
    latency_ms: dict[str, float] = Field(description="p50, p95, p99 of `tookMs`, all pages")


class SearchEval(Answer):
    """Search quality of a shop, from clicks and purchases."""

    shop: str
    since: str
    until: str
    by_kind: dict[str, KindFigures] = Field(description="all, image, text, hybrid, similar")
    truncated: bool = Field(description="there were more searches than one answer reads; the latest were taken")
