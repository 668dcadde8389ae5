"""Event Grid's door: `POST runtime/webhooks/blobs?functionName=Host.Functions.NAME&code=KEY`.

A blob trigger with `source=EVENT_GRID` is fed by an Event Grid subscription with this endpoint: it validates the
subscription, and puts a message for each `BlobCreated` event into the queue that the blob listener reads. Events may
come twice, late and in any order, as the service delivers them. The key is the system key `blobs_extension`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from aiohttp import web
from azure.core.exceptions import ResourceNotFoundError

from .bindings import Function
from .http_keys import is_system, key_of
from .patterns import BlobPattern
from .queue_listener import encode
from .settings import QueueOptions
from .storage import Storage, create_if_missing

PATH = "runtime/webhooks/blobs"
CREATED = "Microsoft.Storage.BlobCreated"


class BlobEvents:
    """Answers the webhook for these functions, by their ids (`Host.Functions.NAME`), each with its path pattern."""

    def __init__(
        self,
        functions: Iterable[tuple[str, Function, BlobPattern]],
        host_id: str,
        storage: Storage,
        options: QueueOptions,
    ) -> None:
        self._patterns = {id.lower(): (id, pattern) for id, _, pattern in functions}
        self._host_id = host_id
        self._storage = storage
        self._options = options

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request of Event Grid: 401 without the key, 404 for a function that takes no events."""
        if not is_system(key_of(request, request.query)):
            return web.Response(status=401)
        name = request.query.get("functionName", "")
        found = self._patterns.get(name.lower())
        if found is None:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        if request.method == "OPTIONS":
            # The handshake of the CloudEvents schema.
            origin = request.headers.get("WebHook-Request-Origin", "*")
            return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})
        events = _events(await request.read())
        if events is None:
            return web.Response(status=400)
        kind = request.headers.get("aeg-event-type", "").lower()
        if kind == "subscriptionvalidation":
            return web.json_response({"validationResponse": _data(events[0]).get("validationCode")} if events else {})
        if kind == "unsubscribe":
            return web.Response(status=202)
        if kind != "notification":
            return web.Response(status=400)
        id, pattern = found
        for event in events:
            await self._take(id, pattern, event)
        return web.Response(status=202)

    async def _take(self, id: str, pattern: BlobPattern, event: Mapping[str, Any]) -> None:
        data = _data(event)
        if (event.get("eventType") or event.get("type")) != CREATED:
            return
        place = _place(str(data.get("url") or ""), pattern.container)
        if place is None or pattern.match(place) is None:
            return
        message = {
            "Type": "BlobTrigger",
            "FunctionId": id,
            "BlobType": str(data.get("blobType") or "BlockBlob"),
            "ContainerName": pattern.container,
            "BlobName": place,
            "ETag": f'"{str(data.get("eTag") or "").strip(chr(34))}"',
            "Source": "EventGrid",
        }
        queue = self._storage.queue("AzureWebJobsStorage", f"azure-webjobs-blobtrigger-{self._host_id}")
        wire = encode(json.dumps(message), self._options)
        try:
            await queue.send_message(wire)
        except ResourceNotFoundError:
            await create_if_missing(queue)
            await queue.send_message(wire)


def _events(body: bytes) -> list[Mapping[str, Any]] | None:
    """The events of a body, one or several; None if it is no JSON of events."""
    try:
        content: Any = json.loads(body)
    except ValueError:
        return None
    events = cast("list[Any]", content) if isinstance(content, list) else [content]
    return events if all(isinstance(event, dict) for event in events) else None


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    data = event.get("data")
    return cast("Mapping[str, Any]", data) if isinstance(data, dict) else {}


def _place(url: str, container: str) -> str | None:
    """The name of a blob of the container, from its URL; Azurite has the account's name before the container's."""
    before, mark, name = unquote(urlsplit(url).path).partition(f"/{container}/")
    return name if mark and before.count("/") <= 1 and name else None
