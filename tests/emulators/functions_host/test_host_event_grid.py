"""Event Grid's webhook: the handshake, the key, events that come twice, late or for nothing; and Event Grid itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobBlock
from quick import eventually

from emulators.launch import launch

pytestmark = pytest.mark.processes
APP = Path(__file__).parent / "sample_app"
KEY = "system"
HANDSHAKE = {"aeg-event-type": "SubscriptionValidation"}
NOTICE = {"aeg-event-type": "Notification"}


@pytest.fixture(scope="module")
def host(start_module_host: Callable[..., Any], storage: Any) -> Any:
    """Fed by Event Grid alone."""
    return start_module_host(
        "--event-grid", "--storage-events", storage.events, app=APP, FUNCTIONS_BLOBS_EXTENSION_KEY=KEY
    )


def post(host: Any, events: Any, *, name: str = "dropped", key: str = KEY, **headers: str) -> requests.Response:
    parameters = {"functionName": f"Host.Functions.{name}", "code": key}
    body = events if isinstance(events, str) else json.dumps(events)
    url = f"{host.url}/runtime/webhooks/blobs"
    return requests.post(url, params=parameters, data=body, headers={**NOTICE, **headers}, timeout=30)


def created(storage: Any, container: str, name: str, etag: str | None = None, **more: Any) -> dict[str, Any]:
    blob = storage.blobs.get_blob_client(container, name)
    found = etag or blob.get_blob_properties().etag.strip('"')
    event = {
        "id": "1",
        "eventType": "Microsoft.Storage.BlobCreated",
        "subject": "",
        "data": {"url": blob.url, "eTag": found},
    }
    return {**event, **more}


def names(host: Any) -> list[str]:
    return [run["name"] for run in host.ledger("dropped")]


def test_a_subscription_is_validated_and_needs_the_key(host: Any) -> None:
    event = {"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "abc"}}
    answer = post(host, [event], **HANDSHAKE)
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "abc"})
    assert post(host, [event], key="guess", **HANDSHAKE).status_code == 401
    assert post(host, [event], key="function", **HANDSHAKE).status_code == 401
    assert post(host, [event], name="unknown", **HANDSHAKE).status_code == 404
    assert post(host, [event], name="put_queue_multiple_out", **HANDSHAKE).status_code == 404
    assert post(host, "no JSON").status_code == 400
    assert post(host, [event], **{"aeg-event-type": "Something"}).status_code == 400
    assert post(host, [event], **{"aeg-event-type": "Unsubscribe"}).status_code == 202
    options = requests.options(
        f"{host.url}/runtime/webhooks/blobs", params={"functionName": "Host.Functions.dropped", "code": KEY},
        headers={"WebHook-Request-Origin": "eventgrid.azure.net"}, timeout=30,
    )  # fmt: skip
    assert options.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"


def test_events_run_the_function_at_least_once_and_others_are_ignored(host: Any, storage: Any) -> None:
    storage.upload("drops", "v1/shirt ü.jpg", b"1")
    storage.upload("drops", "v1/old.jpg", b"1")
    old = created(storage, "drops", "v1/old.jpg")
    storage.upload("drops", "v1/old.jpg", b"2")
    storage.upload("elsewhere", "v1/x.jpg", b"1")
    events = [
        created(storage, "drops", "v1/gone.jpg", "0x1"),
        old,
        created(storage, "elsewhere", "v1/x.jpg"),
        created(storage, "drops", "v1/shirt ü.jpg", eventType="Microsoft.Storage.BlobDeleted"),
        created(storage, "drops", "v1/shirt ü.jpg"),
    ]
    assert not names(host), "nothing is scanned for"
    assert post(host, events).status_code == 202
    eventually(lambda: names(host) == ["drops/v1/shirt ü.jpg"], "the one that is as the event says")
    assert post(host, events[-1:] * 2).status_code == 202
    eventually(lambda: len(names(host)) == 3, "what Event Grid delivers again")
    assert set(names(host)) == {"drops/v1/shirt ü.jpg"}


def test_the_emulated_event_grid_validates_and_pushes_what_is_written(host: Any, storage: Any) -> None:
    endpoint = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.dropped&code={KEY}"
    arguments = (
        "--storage-events",
        storage.events,
        "--blobs",
        storage.blobs.url,
        "--subscription",
        f"drops={endpoint}",
    )
    with launch("eventgrid", *arguments) as facts:
        assert facts["subscriptions"] == 1
        storage.upload("drops", "v2/pushed & more.jpg", b"x" * 10)
        eventually(lambda: "drops/v2/pushed & more.jpg" in names(host), "the event")
        blocks = storage.blobs.get_blob_client("drops", "v2/blocks.jpg")
        blocks.stage_block("YQ==", b"y" * 10)
        blocks.commit_block_list([BlobBlock("YQ==")])
        eventually(lambda: "drops/v2/blocks.jpg" in names(host), "the event of a list of blocks")
        blocks.set_blob_metadata({"a": "b"})
    with pytest.raises(RuntimeError), launch("eventgrid", *arguments[:-1], f"drops={endpoint}wrong"):
        pass
    assert names(host).count("drops/v2/blocks.jpg") == 1
