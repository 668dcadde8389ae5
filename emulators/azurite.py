"""Azurite, the storage emulator, as a child process on free ports.

    with Azurite() as storage:                      # in memory
        QueueServiceClient.from_connection_string(storage.connection_string)

Azurite is looked for in `$STUDIO_NODE_MODULES` and in `node_modules` of the repository root. It is started
with `--skipApiVersionCheck`, because current storage SDKs speak a newer protocol version than it declares.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from emulators.with_parent import node, parent_pipe, stop

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key every storage emulator and SDK knows; published by Microsoft, no secret."""

CORS_METHODS = ["GET", "HEAD", "PUT", "OPTIONS"]
CORS_HEADERS = [
    "content-type",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "range",
    "x-ms-*",
]
"""Request headers that `@azure/storage-blob` sends from a page, with and without conditions."""
CORS_EXPOSED = ["etag", "content-range", "content-md5", "accept-ranges", "x-ms-*"]
CORS_MAX_AGE_S = 3600
"""The rule of the deployed account, infra/app/storage.bicep, is the same; a test compares them."""

_SERVICES = ("Blob", "Queue", "Table")
_HOOKS = [Path(__file__).with_name(name) for name in ("azurite_lean.cjs", "azurite_events.cjs")]
_EVENTS = re.compile(r"Storage events at (\S+)")
_LISTENING = re.compile(r"Azurite (\w+) service is successfully listening at http://[^:\s]+:(\d+)")
_KEEP_ALIVE_SECONDS = 120


class AzuriteError(RuntimeError):
    """Azurite or Node is missing, or Azurite did not start."""


def find_azurite() -> Path:
    """Return the path of `azurite.js`; raises `AzuriteError` when it is not installed."""
    roots = [os.environ.get("STUDIO_NODE_MODULES"), Path(__file__).resolve().parents[1] / "node_modules"]
    for root in filter(None, roots):
        script = Path(root) / "azurite" / "dist" / "src" / "azurite.js"
        if script.is_file():
            return script
    raise AzuriteError(
        "Azurite is not installed: run `npm ci` in the repository root, or name a folder in STUDIO_NODE_MODULES"
    )


class Azurite:
    """One Azurite process: blob, queue and table service.

    `directory` keeps the data (and may be given again after `stop()`); None keeps it in memory.
    `ports` are (blob, queue, table); 0 takes a free one. After `start()` the attributes `blob_port`,
    `queue_port`, `table_port` and `connection_string` are set and all three services accept connections; `events` is
    where new messages and blobs are announced (`azurite_events.cjs`).
    """

    def __init__(
        self,
        directory: Path | str | None = None,
        *,
        ports: tuple[int, int, int] = (0, 0, 0),
        host: str = "127.0.0.1",
    ) -> None:
        self.directory = Path(directory) if directory is not None else None
        self.host = host
        self.blob_port, self.queue_port, self.table_port = ports
        self.events = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 300.0) -> Self:
        """Start and wait until all services listen; raises `AzuriteError` with Azurite's output otherwise."""
        if shutil.which("node") is None:
            raise AzuriteError("Node.js is not on PATH: install Node.js 20 or newer")
        hooks = [part for hook in _HOOKS for part in ("--require", str(hook))]
        command = node("--max-semi-space-size=32", *hooks, str(find_azurite()))
        command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        ports = (self.blob_port, self.queue_port, self.table_port)
        for service, port in zip(_SERVICES, ports, strict=True):
            name = service.lower()
            command += [f"--{name}Host", self.host, f"--{name}Port", str(port)]
            command += [f"--{name}KeepAliveTimeout", str(_KEEP_ALIVE_SECONDS)]
        if self.directory is None:
            command.append("--inMemoryPersistence")
        else:
            self.directory.mkdir(parents=True, exist_ok=True)
            command += ["--location", str(self.directory)]
        with tempfile.TemporaryFile() as log:
            # An own session: ^C reaches the starter first, which stops the users of the storage before it.
            self._process = subprocess.Popen(
                command, stdin=parent_pipe(), stdout=log, stderr=log, start_new_session=True
            )
            found = self._wait(log.fileno(), timeout)
        self.blob_port, self.queue_port, self.table_port = (found[service] for service in _SERVICES)
        return self

    def _wait(self, log: int, timeout: float) -> dict[str, int]:
        assert self._process is not None
        deadline = time.monotonic() + timeout
        while True:
            text = os.pread(log, 1 << 20, 0).decode(errors="replace")
            found = {service: int(port) for service, port in _LISTENING.findall(text)}
            events = _EVENTS.search(text)
            if len(found) == len(_SERVICES) and events:
                self.events = events[1]
                return found
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                why = f"exited with {code}" if code is not None else f"was not ready in {timeout:.0f} s"
                raise AzuriteError(f"Azurite {why}:\n{text}")
            time.sleep(0.02)

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""
        return self._process.pid if self._process else None

    @property
    def connection_string(self) -> str:
        """Storage connection string of the well-known account for blobs, queues and tables."""
        endpoints = (
            f"{service}Endpoint=http://{self.host}:{port}/{ACCOUNT};"
            for service, port in zip(_SERVICES, (self.blob_port, self.queue_port, self.table_port), strict=True)
        )
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{''.join(endpoints)}"

    def allow_origins(self, origins: str) -> None:
        """Let pages at these origins (comma-separated, or `*`) upload and read blobs, as the deployed account does."""
        from azure.storage.blob import BlobServiceClient, CorsRule

        rule = CorsRule(
            origins.split(","),
            CORS_METHODS,
            allowed_headers=CORS_HEADERS,
            exposed_headers=CORS_EXPOSED,
            max_age_in_seconds=CORS_MAX_AGE_S,
        )
        with BlobServiceClient.from_connection_string(self.connection_string) as client:
            client.set_service_properties(cors=[rule])  # pyright: ignore[reportUnknownMemberType]

    def stop(self, timeout: float = 10.0) -> None:
        """Ask Azurite to write its data and end; kill it after `timeout` seconds. Safe to call twice."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        stop(process, timeout)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
