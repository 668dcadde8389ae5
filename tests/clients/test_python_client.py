"""The Python client against the live stack, and what it does when the API is busy or gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
import requests
from quick import eventually
from receiver import receiver
from signed import cases

from demo.client import Client
from emulators.stack import Stack


def test_a_whole_flow(stack: Stack, python_client: ModuleType, key: str, photos: tuple[Path, Path]) -> None:
    with python_client.Studio(stack.url, key) as studio:
        person, garment = studio.upload(photos[0], "person"), studio.upload(photos[1].read_bytes(), "garment")
        seen: list[Any] = []
        wanted = {"personImageId": person["id"], "garmentImageId": garment["id"], "mode": "queued"}
        tryon = studio.subscribe(wanted, on_update=seen.append)
        assert tryon["status"] == "completed"
        assert requests.get(tryon["outputUrl"], timeout=60).content.startswith(b"\x89PNG")
        assert seen[-1]["status"] == "completed"
        assert [job["seq"] for job in seen] == sorted({job["seq"] for job in seen})
        listed = list(studio.pages("images", limit=1))
        assert {person["id"], garment["id"]} <= {image["id"] for image in listed}
        assert tryon["id"] in {one["id"] for one in studio.tryons()}


def test_a_vendor_drops_files(
    stack: Stack, python_client: ModuleType, vendor: Client, vendor_key: str, photos: tuple[Path, Path]
) -> None:
    described = {f"TS-{number}.json": json.dumps({"title": f"Shirt {number}"}).encode() for number in range(25)}
    files = {"TS-0.jpg": photos[1], "bad name.jpg": photos[1], **described}
    with python_client.Studio(stack.url, vendor_key) as studio:
        refused = studio.drop(files)
        assert {name: error["code"] for name, error in refused.items()} == {"bad name.jpg": "bad_name"}
        wanted = set(files) - set(refused)
        eventually(lambda: {one["name"] for one in studio.pages("drops", limit=100)} == wanted, "the files")


def test_a_delivery_of_the_api_is_verified(
    stack: Stack, python_client: ModuleType, key: str, photos: tuple[Path, Path]
) -> None:
    with python_client.Studio(stack.url, key) as studio, receiver() as server:
        hook = studio.request("POST", "webhooks", json={"url": server.url, "events": ["tryon.completed"]})
        person, garment = studio.upload(photos[0], "person"), studio.upload(photos[1], "garment")
        tryon = studio.subscribe({"personImageId": person["id"], "garmentImageId": garment["id"], "mode": "queued"})
        got = eventually(lambda: server.got and server.got[0], "the delivery")
        event = python_client.verify_webhook(got.headers, got.body, hook["secret"])
        assert (event["type"], event["data"]["tryonId"]) == ("tryon.completed", tryon["id"])
        with pytest.raises(python_client.StudioError):
            python_client.verify_webhook(got.headers, got.body.replace(tryon["id"], "x"), hook["secret"])


def test_an_error_is_one_type_with_code_field_and_request_id(stack: Stack, python_client: ModuleType, key: str) -> None:
    with python_client.Studio(stack.url, key) as studio:
        with pytest.raises(python_client.StudioError) as missing:
            studio.subscribe({"personImageId": "none", "garmentImageId": "none"})
        assert (missing.value.status, missing.value.retryable) == (404, False)
        assert missing.value.code and missing.value.request_id
        with pytest.raises(python_client.StudioError) as wrong:
            studio.subscribe({"personImageId": "none", "garmentImageId": "none", "samples": 9})
        assert (wrong.value.status, wrong.value.field) == (422, "samples")
    with python_client.Studio(stack.url, "sk_none") as stranger, pytest.raises(python_client.StudioError) as refused:
        next(stranger.images())
    assert refused.value.status == 401


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_webhook_signatures(python_client: ModuleType, case: Any) -> None:
    if case.code is None:
        assert python_client.verify_webhook(case.headers, case.body, case.secret, now=case.at) == json.loads(case.body)
        assert python_client.verify_webhook(case.headers, case.body.encode(), case.secret, now=case.at)
        return
    with pytest.raises(python_client.StudioError) as refused:
        python_client.verify_webhook(case.headers, case.body, case.secret, now=case.at)
    assert refused.value.code == case.code


@contextmanager
def api(*statuses: int, after: str = "0") -> Iterator[tuple[str, list[str | None]]]:
    """An API that answers with these statuses, then 201; yields its address and the idempotency keys it got."""
    left, keys = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            status = left.pop(0) if left else 201
            if status == 0:
                self.close_connection = True
                return
            body = json.dumps({"id": "1"} if status < 400 else {"code": "busy", "retryable": True}).encode()
            self.send_response(status)
            self.send_header("Retry-After", after)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", keys
    finally:
        server.shutdown()
        server.server_close()


def test_a_busy_api_is_asked_again_with_the_same_idempotency_key(python_client: ModuleType) -> None:
    with api(429, 503, 0, 409) as (url, keys), python_client.Studio(url, "sk_x") as studio:
        assert studio.upload(b"x", "person") == {"id": "1"}
    assert len(keys) == 5
    assert len(set(keys)) == 1 and keys[0]


def test_what_is_not_safe_to_repeat_is_sent_once(python_client: ModuleType) -> None:
    with api(0) as (url, keys), python_client.Studio(url, "sk_x") as studio:
        with pytest.raises(python_client.StudioError) as broken:
            studio.request("POST", "webhooks", json={})
        assert broken.value.code == "unreachable"
    assert keys == [None]


@pytest.mark.parametrize(("statuses", "after", "calls"), [((503,) * 9, "0", 3), ((429,), "3600", 1), ((500,), "0", 1)])
def test_it_gives_up(python_client: ModuleType, statuses: tuple[int, ...], after: str, calls: int) -> None:
    with api(*statuses, after=after) as (url, keys), python_client.Studio(url, "sk_x", retries=2) as studio:
        with pytest.raises(python_client.StudioError) as refused:
            studio.upload(b"x", "person")
        assert refused.value.status == statuses[0]
    assert len(keys) == calls
