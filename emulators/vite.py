"""The studio page from its sources, by Vite's development server: a saved file is in the open page immediately."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from emulators.with_parent import node, parent_pipe, stop

ROOT: Final = Path(__file__).resolve().parents[1]
PROGRAM: Final = ROOT / "node_modules" / "vite" / "bin" / "vite.js"
START_S: Final = 120
STOP_S: Final = 5


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serving(folder: Path, site: str, port: int) -> Generator[str]:
    """Serve a page from its sources; yields its address once it answers.

    Args:
        folder: holds the page's `vite.config.ts`.
        site: address of the static site that has the page's configuration and the tools of this machine.
        port: to listen on; it must be free.

    Raises:
        RuntimeError: the server did not start; what it says is on standard error.
    """
    command = node(str(PROGRAM), str(folder), "--port", str(port), "--strictPort", "--logLevel", "error")
    environment = {**os.environ, "STUDIO_SITE": site}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=parent_pipe(), stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, url)
        yield url
    finally:
        stop(process, STOP_S)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    import requests

    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        with suppress(requests.RequestException):
            requests.get(url, timeout=10)
            return
        time.sleep(0.05)
    raise RuntimeError("the development server of the page did not start")
