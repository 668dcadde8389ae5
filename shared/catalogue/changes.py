"""The messages of the `index` queue: a product has changed, or all of a vendor's; the documents are the truth."""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared import telemetry
from shared.jobs import queues


class ProductChange(BaseModel):
    """The body of a message: which product's index entry to bring up to date."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    v: int = 1
    vendor_id: str = Field(validation_alias="tenantId", serialization_alias="tenantId")
    product_id: str | None = Field(default=None, description="None: all of the vendor's products")
    revision: int = Field(default=0, description="of the product, or a later one where it is gone")
    shop: str | None = Field(
        default=None, description="whose index had the product, where its embedding document may be gone"
    )
    retries: int = Field(
        default=0,
        validation_alias=AliasChoices("retries", "buried"),
        description="how often the message has come back from the poison queue",
    )
    traceparent: str | None = None


def send_change(change: ProductChange, *, delay_s: float = 0) -> None:
    """Ask search to bring the index up to date, `delay_s` seconds from now at the earliest."""
    body = change.model_dump(by_alias=True)
    queues.send(queues.INDEX, {**body, "traceparent": change.traceparent or telemetry.traceparent()}, delay_s=delay_s)
