"""Input and output bindings beside the trigger: blobs read and written, queue messages sent."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

from azure.core.exceptions import ResourceNotFoundError

from .bindings import Binding, Function
from .patterns import fill
from .protos import TypedData
from .queue_listener import encode
from .settings import QueueOptions, resolve
from .storage import Storage, create_if_missing
from .worker import Invoker, Result

_log = logging.getLogger("Host.Bindings")


class DataBindings:
    """Runs a function with its input bindings read before and its output bindings written after it.

    `sent(connection, queue)` is called after a message has been put into a queue.
    """

    def __init__(
        self, invoker: Invoker, storage: Storage, options: QueueOptions, sent: Callable[[str, str], None]
    ) -> None:
        self._invoker = invoker
        self._storage = storage
        self._options = options
        self._sent = sent

    async def invoke(self, function: Function, data: TypedData, values: Mapping[str, Any], **more: Any) -> Result:
        """Invoke with `values` for binding expressions; an output that cannot be written fails the run."""
        try:
            inputs = {binding.name: await self._read(binding, values) for binding in function.inputs}
        except Exception as error:
            _log.exception("An input binding of '%s' failed.", function.name)
            return Result(False, error=str(error))
        result = await self._invoker.invoke(function, data, inputs=inputs, **more)
        if not result.ok:
            return result
        for binding in function.outputs:
            value = result.value if binding.name == "$return" else result.outputs.get(binding.name)
            if value is None or binding.type not in ("queue", "blob"):
                continue
            try:
                await self._write(binding, value, values)
            except Exception as error:
                _log.exception("Output binding '%s' of '%s' failed.", binding.name, function.name)
                return Result(False, error=str(error))
        return result

    async def _read(self, binding: Binding, values: Mapping[str, Any]) -> TypedData:
        container, _, name = fill(resolve(str(binding.raw["path"])), values).partition("/")
        blob = self._storage.container(binding.connection, container).get_blob_client(name)
        try:
            content = await (await blob.download_blob()).readall()
        except ResourceNotFoundError:
            return TypedData()
        if str(binding.raw.get("dataType", "")).upper() == "BINARY":
            return TypedData(bytes=content)
        # As in Azure: without dataType BINARY the bytes pass through UTF-8 and foreign ones are lost.
        return TypedData(string=content.decode(errors="replace"))

    async def _write(self, binding: Binding, value: TypedData, values: Mapping[str, Any]) -> None:
        if binding.type == "blob":
            container, _, name = fill(resolve(str(binding.raw["path"])), values).partition("/")
            client = self._storage.container(binding.connection, container)
            content = _content(value)
            try:
                await client.upload_blob(name, content, overwrite=True)
            except ResourceNotFoundError:
                await create_if_missing(client)
                await client.upload_blob(name, content, overwrite=True)
            return
        name = fill(resolve(str(binding.raw["queueName"])), values)
        queue = self._storage.queue(binding.connection, name)
        for message in _messages(value):
            wire = encode(message, self._options)
            try:
                await queue.send_message(wire)
            except ResourceNotFoundError:
                await create_if_missing(queue)
                await queue.send_message(wire)
        self._sent(binding.connection, name)


def _content(value: TypedData) -> str | bytes:
    kind = value.WhichOneof("data")
    content = getattr(value, kind) if kind else b""
    return content if isinstance(content, str | bytes) else str(content)


def _messages(value: TypedData) -> list[str | bytes]:
    """The messages of a queue output: a JSON array is a list of them."""
    content = _content(value)
    if value.WhichOneof("data") != "json":
        return [content]
    parsed = json.loads(content)
    if not isinstance(parsed, list):
        return [content]
    return [item if isinstance(item, str) else json.dumps(item) for item in cast("list[Any]", parsed)]
