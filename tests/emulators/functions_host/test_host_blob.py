"""Blob triggers: patterns, metadata, receipts, poison."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from quick import eventually

pytestmark = pytest.mark.processes


def _scans(host: Any) -> list[dict[str, Any]]:
    """Runs for the blobs of `acme`: a new host also finds what tests of other files have left in the container."""
    return [run for run in host.ledger("scan") if run["name"].startswith("inbox/acme/")]


def _names(host: Any) -> list[str]:
    return sorted(run["name"] for run in _scans(host))


def test_new_changed_and_restarted(start_host: Callable[..., Any], storage: Any) -> None:
    storage.upload("inbox", "acme/before.txt", b"was there before the host")
    same = {"AzureFunctionsWebHost__hostid": "blobhost"}
    host = start_host(**same)
    storage.upload("inbox", "acme/hat.v2.png", b"\xff\x00", metadata={"colour": "red"})
    storage.upload("inbox", "no-match.txt", b"the pattern wants a vendor")
    eventually(lambda: len(_scans(host)) == 2, "both blobs")
    assert _names(host) == ["inbox/acme/before.txt", "inbox/acme/hat.v2.png"]
    hat = next(run for run in _scans(host) if "hat" in run["name"])
    assert (hat["content"], hat["length"], hat["metadata"]) == ("\xff\x00", 2, {"colour": "red"})
    assert hat["uri"].endswith("/inbox/acme/hat.v2.png")
    outbox = storage.blobs.get_container_client("outbox")
    eventually(lambda: outbox.exists() and any(b.name == "hat-of-acme.txt" for b in outbox.list_blobs()))

    storage.upload("inbox", "acme/hat.v2.png", b"new")
    eventually(lambda: len(_scans(host)) == 3, "the overwritten blob")
    assert _scans(host)[-1]["content"] == "new"
    assert host.stop() == 0

    storage.upload("inbox", "acme/meanwhile.txt", b"while no host ran")
    again = start_host(**same)
    eventually(lambda: len(_scans(again)) == 1, "the blob of the meantime")
    storage.upload("inbox", "acme/last.txt", b"seen after several scans of the old ones")
    eventually(lambda: len(_scans(again)) == 2)
    assert _names(again) == ["inbox/acme/last.txt", "inbox/acme/meanwhile.txt"]


def test_failing_blob_is_tried_five_times_then_poisoned(start_host: Callable[..., Any], storage: Any) -> None:
    host = start_host()
    storage.upload("rejects", "bad.bin", b"x")
    poison = storage.queue("webjobs-blobtrigger-poison")
    eventually(lambda: poison.get_queue_properties().approximate_message_count, "poison")
    assert len(host.ledger("scanBroken")) == 5
    message = poison.receive_message()
    notice = json.loads(base64.b64decode(message.content))
    assert notice["FunctionId"] == "Host.Functions.scanBroken"
    assert (notice["ContainerName"], notice["BlobName"]) == ("rejects", "bad.bin")


def test_two_instances_run_each_blob_once(start_host: Callable[..., Any], storage: Any) -> None:
    host = start_host(workers=2)
    storage.upload("inbox", "many/0.txt", b"0")
    eventually(lambda: any("many/0" in run["name"] for run in host.ledger("scan")), "the first")
    for number in range(1, 20):
        storage.upload("inbox", f"many/{number}.txt", str(number).encode())
    eventually(lambda: sum("many/" in run["name"] for run in host.ledger("scan")) >= 20, "twenty blobs")
    host.stop()
    runs = [run["name"] for run in host.ledger("scan") if "many/" in run["name"]]
    assert len(runs) == len(set(runs)) == 20
