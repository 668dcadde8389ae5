"""A stand-in for the hub that speaks its wire format. `OWNER/NAME/resolve/COMMIT/FILE` answers small files itself,
with the commit and Git's id; of large ones it tells the linked SHA-256 and size, and leads on to storage that serves
ranges.
`api/models/OWNER/NAME` describes a repository, `.../tree/COMMIT` lists its files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """What the stand-in serves, and what it was asked.

    Args:
        files: (repository, commit, path) to bytes.
        cut_after, cuts: storage breaks the line after so many bytes, so often.
        lies: paths reported with a wrong SHA-256.
        ranges: the `Range` of every request to storage, None where there was none.
    """

    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    url: str = ""
    storage: str = ""
    cut_after: int = 0
    cuts: int = 0
    lies: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.hub.paths.append(self.path)
        self._resolve()

    def do_GET(self) -> None:
        self.hub.paths.append(self.path)
        if self.path.startswith("/storage/"):
            self._store()
        elif self.path.startswith("/api/models/"):
            self._describe()
        else:
            self._resolve()

    def _find(self) -> tuple[tuple[str, str, str], bytes] | None:
        repo, _, rest = self.path.partition("?")[0].strip("/").partition("/resolve/")
        commit, _, path = rest.partition("/")
        key = (repo, commit, path)
        return (key, self.hub.files[key]) if key in self.hub.files else None

    def _resolve(self) -> None:
        found = self._find()
        if found is None:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
            return
        (repo, commit, path), data = found
        if not _is_large(path):
            self._answer(200, data, {"X-Repo-Commit": commit, "ETag": f'"{_git_id(data)}"'})
            return
        sha256 = self.hub.lies.get(path, hashlib.sha256(data).hexdigest())
        headers = {
            "X-Repo-Commit": commit,
            "X-Linked-Etag": f'"{sha256}"',
            "X-Linked-Size": str(len(data)),
            "Location": f"{self.hub.storage}/storage/{repo}/{commit}/{path}",
        }
        self._answer(302, b"", headers)

    def _store(self) -> None:
        _, _, owner, name, commit, *path = self.path.split("/")
        data = self.hub.files[(f"{owner}/{name}", commit, "/".join(path))]
        wanted = self.headers.get("Range")
        self.hub.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if wanted else {}
        body = data[start:]
        if not self.hub.cuts:
            self._answer(206 if wanted else 200, body, headers)
            return
        self.hub.cuts -= 1
        self.send_response(206 if wanted else 200)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body[: self.hub.cut_after])
        self.close_connection = True

    def _describe(self) -> None:
        repo = "/".join(self.path.partition("?")[0].split("/")[3:5])
        held = {key: data for key, data in self.hub.files.items() if key[0] == repo}
        if not held:
            self._answer(401, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
            return
        content: Any
        if "/tree/" in self.path:
            content = [_listed(path, data) for (_, _, path), data in held.items()]
        else:
            commit = next(iter(held))[1]
            siblings = [{"rfilename": path} for _, _, path in held]
            content = {"id": repo, "modelId": repo, "sha": commit, "private": False, "siblings": siblings, "tags": []}
        self._answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _is_large(path: str) -> bool:
    return path.endswith((".safetensors", ".bin", ".onnx", ".model"))


def _git_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _listed(path: str, data: bytes) -> dict[str, Any]:
    lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    listed = {"type": "file", "oid": _git_id(data), "size": len(data), "path": path}
    return listed | ({"lfs": lfs} if _is_large(path) else {})


@contextmanager
def serving() -> Iterator[Hub]:
    """The stand-in on two free ports."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    # as with the hub, storage is another host: the library follows a redirect to its own host automatically
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
    hub.url, hub.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
