"""A blob trigger's blob by its name alone: the host sends a reference, and not the content.

With `func.InputStream` the host reads a whole blob and sends it to the worker before the function runs, and no platform
limit bounds a vendor's file. A function that takes an SDK's type (deferred binding) gets the reference instead.
Microsoft's `BlobClient` (`azurefunctions-extensions-bindings-blob`) would also open a client, by rules other than this
app's.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol, cast

from azurefunctions.extensions.base import Datum, InConverter, SdkType

MODEL: Final = "model_binding_data"


class _ModelBindingData(Protocol):
    """What the host sends: of the blob extension, JSON with `Connection`, `ContainerName` and `BlobName`."""

    content: bytes | str


class BlobReference(SdkType):
    """Where a blob is.

    Attributes:
        container: name of the container.
        name: of the blob in the container.
    """

    def __init__(self, *, data: Any) -> None:
        super().__init__()
        found = json.loads(cast("_ModelBindingData", data).content)
        self.container = str(found["ContainerName"])
        self.name = str(found["BlobName"])

    def get_sdk_type(self) -> BlobReference:  # pyright: ignore[reportIncompatibleMethodOverride] - the base is untyped
        """This reference; the worker asks a binding for what the function takes."""
        return self


class BlobReferenceConverter(InConverter, binding="blob", trigger="blobTrigger"):
    """Makes references for the worker, which finds it by the names of the bindings."""

    @classmethod
    def check_input_type_annotation(cls, pytype: type) -> bool:
        """Whether a parameter of this type takes a reference."""
        return issubclass(pytype, BlobReference)

    @classmethod
    def decode(  # pyright: ignore[reportIncompatibleMethodOverride] - the worker also gives the type
        cls, data: Datum, *, trigger_metadata: Any, pytype: type[BlobReference]
    ) -> BlobReference:
        """The reference that the host has sent. Raises ValueError for anything else, such as the content."""
        if data.type != MODEL:
            raise ValueError(f"a reference to a blob is sent as {MODEL}, not as {data.type}")
        return pytype(data=data.value)
