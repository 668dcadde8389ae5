"""A type of an SDK for blobs, as the extension packages make them: the function gets where the blob is."""

import json

from azurefunctions.extensions.base import InConverter, SdkType


class Reference(SdkType):
    """What the host has sent."""

    def __init__(self, *, data):
        super().__init__()
        self.kind = (data.version, data.source, data.content_type)
        self.where = json.loads(data.content)

    def get_sdk_type(self):
        """What the function takes."""
        return self


class Converter(InConverter, binding="blob", trigger="blobTrigger"):
    """Found by the worker."""

    @classmethod
    def check_input_type_annotation(cls, pytype):
        """Whether the parameter takes a reference."""
        return issubclass(pytype, Reference)

    @classmethod
    def decode(cls, data, *, trigger_metadata, pytype):
        """Make one."""
        assert data.type == "model_binding_data", data.type
        return pytype(data=data.value)
