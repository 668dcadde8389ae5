"""A storage that accepts connections and never answers: calls of it end, with an answer that says so."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from account_factory import add_account
from http_calls import App
from PIL import Image

from shared import blobs, storage
from shared.errors import Unavailable
from shared.http import tokens
from shared.jobs import queues

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The published key of the storage emulator."""


class Silent:
    """Takes connections and reads what they send; answers nothing."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            self.taken.append(link)
            threading.Thread(target=self._read, args=(link,), daemon=True).start()

    @staticmethod
    def _read(link: socket.socket) -> None:
        try:
            while link.recv(65_536):
                pass
        except OSError:
            pass

    def close(self) -> None:
        self._server.close()
        for link in self.taken:
            link.close()


@pytest.fixture
def silent(local: dict[str, str], change: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    """The storage of this process; it waits a tenth of a second instead of ten, without pauses."""
    made = Silent()
    monkeypatch.setattr(storage, "READ_S", 0.1)
    short = {"read_timeout": 0.1, "initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
    for name, seconds in short.items():
        monkeypatch.setitem(storage.OPTIONS, name, seconds)
    account = f"AccountName=devstoreaccount1;AccountKey={KEY}"
    change(Storage=f"{account};BlobEndpoint={made.url}/devstoreaccount1;QueueEndpoint={made.url}/devstoreaccount1;")
    yield made
    made.close()


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 400), (180, 30, 40)).save(out, "JPEG")
    return out.getvalue()


def test_an_upload_is_answered_503_and_when_to_try_again(silent: Silent) -> None:
    add_account("ada")
    token = tokens.issue("ada", "shopper", 1)[0]
    sent = {"Content-Type": "image/jpeg"}
    answer = App.of("upload")("upload_image", photo(), token=token, headers=sent, query={"kind": "person"})
    assert (answer.status, answer.code) == (503, "storage_down")
    assert answer.body["retryable"] and int(answer.headers["Retry-After"]) > 0
    assert len(silent.taken) == 2, "asked once more"


def test_every_call_ends(silent: Silent) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: blobs.get(blobs.IMAGES, "a"),
        lambda: blobs.put(blobs.IMAGES, "a", io.BytesIO(b"bytes"), content_type="image/png"),
        lambda: blobs.info(blobs.IMAGES, "a"),
        lambda: blobs.delete(blobs.IMAGES, "a"),
        lambda: list(blobs.listing(blobs.IMAGES)),
        lambda: queues.send(queues.INDEX, {"a": 1}),
    )
    for call in calls:
        with pytest.raises(Unavailable) as raised:
            call()
        assert (raised.value.code, raised.value.retry_after) == ("storage_down", storage.AWAY_S)


def test_a_thread_is_held_for_less_than_half_a_minute() -> None:
    pauses = sum(storage.OPTIONS[name] for name in ("initial_backoff", "increment_base", "random_jitter_range"))
    assert (1 + storage.OPTIONS["retry_read"]) * storage.READ_S + pauses < 30
    assert (1 + storage.OPTIONS["retry_connect"]) * storage.CONNECT_S + pauses <= 10


def test_a_large_body_gives_the_service_more_time() -> None:
    assert storage.read_s(100_000) == storage.READ_S
    assert storage.read_s(100_000_000) == storage.READ_S + 25
