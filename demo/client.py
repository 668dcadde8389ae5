"""A shopper's app: HTTP with `requests`, live updates over the Web PubSub subprotocol."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


class Refused(Exception):
    """The API answered with a problem; `problem` is its body."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        try:
            self.problem: dict[str, Any] = response.json()
        except ValueError:
            self.problem = {"detail": response.text[:200]}
        super().__init__(f"{response.request.method} {response.request.path_url}: {self.status} {self.problem}")


class Client:
    """One signed-in user of the API at `url` (without `/api`)."""

    def __init__(self, url: str) -> None:
        self.base = f"{url}/api/"
        self.session = requests.Session()
        self.user: dict[str, Any] = {}

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One request; the JSON of the answer. Raises Refused on 4xx and 5xx."""
        response = self.session.request(method, self.base + path, timeout=60, **options)
        if not response.ok:
            raise Refused(response)
        return response.json() if response.content else None

    def register(self, email: str, password: str, **more: Any) -> Self:
        """Make an account and sign in."""
        return self._signed_in(self.call("POST", "auth/register", json={"email": email, "password": password, **more}))

    def login(self, email: str, password: str) -> Self:
        """Sign in."""
        return self._signed_in(self.call("POST", "auth/login", json={"email": email, "password": password}))

    def _signed_in(self, answer: dict[str, Any]) -> Self:
        tokens = answer.get("tokens", answer)
        self.session.headers["Authorization"] = f"Bearer {tokens['accessToken']}"
        self.user = answer["user"]
        return self

    def upload(self, data: bytes, name: str, kind: str, **fields: str) -> dict[str, Any]:
        """Upload an image through the API, as a browser's form does."""
        files = {"file": (name, data, CONTENT_TYPES.get(Path(name).suffix.lower(), "application/octet-stream"))}
        return self.call("POST", "images/upload", files=files, data={"kind": kind, **fields})

    def upload_by_sas(self, data: bytes, name: str, kind: str) -> dict[str, Any]:
        """Upload an image straight into Blob Storage, then have it checked."""
        content_type = CONTENT_TYPES.get(Path(name).suffix.lower(), "image/jpeg")
        where = self.call("POST", "files/presign", json={"contentType": content_type, "kind": kind, "name": name})
        put = requests.put(where["url"], data=data, headers=where["headers"], timeout=60)
        if not put.ok:
            raise Refused(put)
        return self.call("POST", f"files/{where['id']}/complete")

    def wait(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        """The job once it has ended (or as it is when the time is over)."""
        until = time.monotonic() + seconds
        while True:
            left = max(0, min(25, round(until - time.monotonic())))
            job = self.call("GET", f"jobs/{job_id}", params={"wait": left})
            if job["status"] in ("completed", "failed", "cancelled", "dead") or time.monotonic() >= until:
                return job


class Live:
    """A shopper's open page: everything that is pushed to it, in order."""

    def __init__(self, client: Client, seen: Callable[[dict[str, Any]], None] | None = None) -> None:
        where = client.call("GET", "notifications/negotiate")
        self._socket: ClientConnection = connect(where["url"], subprotocols=[where["subprotocol"]], open_timeout=20)
        self._seen = seen
        self._news = threading.Condition()
        self.messages: list[dict[str, Any]] = []
        self._ids: set[str] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for frame in self._socket:
                message = json.loads(frame)
                data = message.get("data")
                if message.get("type") != "message" or not isinstance(data, dict) or data.get("id") in self._ids:
                    continue
                self._ids.add(data.get("id", ""))
                if self._seen:
                    self._seen(data)
                with self._news:
                    self.messages.append(data)
                    self._news.notify_all()
        except ConnectionClosed:
            return

    def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """The first message that is wanted, past or to come. Raises TimeoutError."""
        with self._news:
            arrived = self._news.wait_for(lambda: any(wanted(m) for m in self.messages), seconds)
            if not arrived:
                raise TimeoutError(f"no such message in {seconds} s; had {[m.get('type') for m in self.messages]}")
            return next(m for m in self.messages if wanted(m))

    def close(self) -> None:
        """Close the page."""
        self._socket.close()
