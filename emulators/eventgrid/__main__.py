"""`python -m emulators.eventgrid --storage-events HOST:PORT --blobs URL --subscription CONTAINER=ENDPOINT ...`.

As the service does: a subscription is validated first (the endpoint must echo a code), then each blob that is written
in its container is posted to it in the Event Grid schema, at least once, in no particular order; a delivery that is not
answered with 2xx is repeated with growing pauses. Prints one line of JSON when all subscriptions are valid.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import secrets
import signal
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout

PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Between deliveries; the last one repeats. The service's own begin at 10 s."""
ANSWER_S: Final = 30.0
TOPIC: Final = "/subscriptions/local/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/devstoreaccount1"


@dataclass(frozen=True)
class Subscription:
    """Where the events of a container go."""

    container: str
    endpoint: str


class EventGrid:
    """Validates subscriptions and delivers events to them."""

    def __init__(self, session: ClientSession, subscriptions: list[Subscription], blobs: str) -> None:
        self._session = session
        self._subscriptions = subscriptions
        self._blobs = blobs.rstrip("/")
        self._deliveries: set[asyncio.Task[None]] = set()

    async def validate(self) -> None:
        """Ask every endpoint to echo a code. Raises RuntimeError with its answer if one does not."""
        for subscription in self._subscriptions:
            code = secrets.token_hex(16)
            event = _event("Microsoft.EventGrid.SubscriptionValidationEvent", "", {"validationCode": code})
            async with self._post(subscription, "SubscriptionValidation", event) as response:
                text = await response.text()
                if response.status != 200 or code not in text:
                    raise RuntimeError(f"{subscription.endpoint} did not validate: {response.status} {text[:200]}")

    def blob_created(self, created: dict[str, Any]) -> None:
        """Deliver one written blob to the subscriptions of its container, in the background."""
        container, blob = created["container"], created["blob"]
        event = _event(
            "Microsoft.Storage.BlobCreated",
            f"/blobServices/default/containers/{container}/blobs/{blob}",
            {
                "api": created["api"],
                "contentType": created["contentType"],
                "contentLength": created["contentLength"],
                "blobType": "BlockBlob",
                "eTag": str(created["etag"]).strip('"'),
                "url": f"{self._blobs}/{container}/{blob}",
            },
        )
        for subscription in self._subscriptions:
            if subscription.container == container:
                delivery = asyncio.create_task(self._deliver(subscription, event))
                self._deliveries.add(delivery)
                delivery.add_done_callback(self._deliveries.discard)

    async def _deliver(self, subscription: Subscription, event: dict[str, Any]) -> None:
        tries = 0
        while True:
            with contextlib.suppress(ClientError, TimeoutError):
                async with self._post(subscription, "Notification", event) as response:
                    if response.ok:
                        return
            await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    def _post(self, subscription: Subscription, kind: str, event: dict[str, Any]) -> Any:
        headers = {"aeg-event-type": kind, "aeg-subscription-name": subscription.container.upper()}
        return self._session.post(subscription.endpoint, json=[event], headers=headers)


def _event(kind: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "topic": TOPIC,
        "subject": subject,
        "eventType": kind,
        "eventTime": datetime.now(UTC).isoformat(),
        "dataVersion": "",
        "metadataVersion": "1",
        "data": data,
    }


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    subscriptions = [Subscription(*text.split("=", 1)) for text in options.subscription]
    host, _, port = options.storage_events.rpartition(":")
    async with ClientSession(timeout=ClientTimeout(total=ANSWER_S)) as session:
        grid = EventGrid(session, subscriptions, options.blobs)
        reader, writer = await asyncio.open_connection(host, int(port))
        await grid.validate()
        print(json.dumps({"name": "eventgrid", "subscriptions": len(subscriptions)}), flush=True)
        following = asyncio.create_task(_follow(reader, grid))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((following, stopped), return_when=asyncio.FIRST_COMPLETED)
        writer.close()


async def _follow(reader: asyncio.StreamReader, grid: EventGrid) -> None:
    while line := await reader.readline():
        created = json.loads(line).get("created")
        if created is not None:
            grid.blob_created(created)


def main() -> None:
    """Parse the command line and deliver until SIGTERM, or until the storage has gone."""
    parser = argparse.ArgumentParser(prog="python -m emulators.eventgrid", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="not used: events are pushed, nothing listens")
    parser.add_argument("--storage-events", required=True, metavar="HOST:PORT", help="where the storage announces")
    parser.add_argument("--blobs", required=True, help="URL of the blob service, as it is to appear in events")
    parser.add_argument("--subscription", action="append", default=[], metavar="CONTAINER=ENDPOINT")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
