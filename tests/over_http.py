"""What tests say to the shared stack, and what they look up behind its back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from PIL import Image

from demo.client import Client, Refused
from emulators.stack import Stack

PROBLEM = {"type", "title", "status", "detail", "code", "retryable", "requestId"}


def photo(colour: Any = "tan", size: tuple[int, int] = (96, 128), format: str = "JPEG", **options: Any) -> bytes:
    """An encoded picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format, **options)
    return buffer.getvalue()


def send(client: Client, method: str, path: str, **options: Any) -> requests.Response:
    """One request of a signed-in user, whatever comes back."""
    return client.session.request(method, client.base + path, timeout=60, **options)


def refused(response: requests.Response, others: Set[str] = frozenset()) -> tuple[int, str]:
    """Status and code of a problem, its form being as promised: with the usual members, and `others` where a route has
    them."""
    assert 400 <= response.status_code < 500, (response.status_code, response.text[:300])
    assert response.headers["Content-Type"].partition(";")[0] == "application/problem+json", response.text[:300]
    problem = response.json()
    assert set(problem) >= PROBLEM, problem
    assert set(problem) <= PROBLEM | {"field", "details"} | others, problem
    assert problem["status"] == response.status_code
    assert problem["requestId"] == response.headers["X-Request-Id"]
    return response.status_code, problem["code"]


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and code of the problem a call of the demo's client ends with."""
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.status, caught.value.problem["code"]


def stored(stack: Stack, word: str) -> list[str]:
    """All blobs with a word in their name, as `container/name`."""
    service = BlobServiceClient.from_connection_string(stack.storage)
    names = [
        f"{container.name}/{blob}"
        for container in service.list_containers()
        for blob in service.get_container_client(container.name).list_blob_names()
    ]
    return sorted(name for name in names if word in name)


@contextmanager
def fault(stack: Stack, provider: str, **posted: Any) -> Iterator[None]:
    """A planned fault of an emulator for requests that contain `match`, gone afterwards."""
    base = f"{stack.providers[provider]['url']}/_emulator/faults"
    requests.post(base, json=posted, timeout=5).raise_for_status()
    try:
        yield
    finally:
        requests.delete(base, params={"match": posted["match"]}, timeout=5).raise_for_status()


def outbox(stack: Stack, provider: str, word: str) -> list[dict[str, Any]]:
    """What a provider took for delivery, having the word in it."""
    answer = requests.get(f"{stack.providers[provider]['url']}/_emulator/outbox", timeout=5).json()
    return [message for message in answer["messages"] if word in json.dumps(message)]
