"""A stand-in for the protobuf module through which the Functions worker library speaks to its host.

The library takes messages as plain attributes and makes its answers by calling classes of this module with
keyword arguments, so any class may be made on demand; only those below carry values of their own.
Numbers are those of FunctionRpc.proto (Azure/azure-functions-language-worker-protobuf).
"""

from __future__ import annotations

import types
from enum import IntEnum
from types import SimpleNamespace
from typing import Any


class Message:
    """A message: its keyword arguments as attributes."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class TypedData(Message):
    """One value of the kind that its single set field names; no field at all is the absent value."""

    def WhichOneof(self, _oneof: str) -> str | None:
        return next(iter(self.__dict__), None)


class ModelBindingData(Message):
    """What a function that takes an SDK's type gets: where to find the content."""

    version: str
    source: str
    content_type: str
    content: bytes


class BindingInfo(Message):
    """Constants of binding data types and directions."""

    undefined, string, binary, stream = range(4)
    in_, out, inout = range(3)


class StatusResult(Message):
    """Outcome of a request to the worker."""

    Failure, Success = range(2)


SameSite = IntEnum("SameSite", {"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


class RpcHttpCookie(Message):
    """A cookie of an HTTP answer; optional attributes are wrapped in an object with `.value`."""

    SameSite = SameSite


class _Protos(types.ModuleType):
    def __getattr__(self, name: str) -> type[Message]:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Message,), {})
        setattr(self, name, made)
        return made


protos = _Protos("functions_host_protos")
for _known in (TypedData, BindingInfo, StatusResult, RpcHttpCookie):
    setattr(protos, _known.__name__, _known)


def envelope(**body: Any) -> SimpleNamespace:
    """Wrap request messages as the worker library expects them."""
    return SimpleNamespace(request=SimpleNamespace(**body), properties={"host": "127.0.0.1", "protos": protos})
