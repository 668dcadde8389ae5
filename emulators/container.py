"""The try-on container on this machine: the very service that runs in Azure, as a process."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from emulators.with_parent import parent_pipe, python, stop

ROOT = Path(__file__).resolve().parents[1]
STOP_S = 30


class Container:
    """Has its address and token before it runs, so that its callers can start at the same time."""

    def __init__(self, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = secrets.token_urlsafe(32)

    @property
    def settings(self) -> dict[str, str]:
        """The app's settings for it."""
        return {"VTO_URL": self.url, "VTO_TOKEN": self.token}

    @contextmanager
    def running(self, settings: Mapping[str, str], log: Path) -> Generator[None]:
        """Run it; callers wait in its socket until it listens.

        Args:
            settings: the app's; the container reads its own and those of the storage.

        Raises:
            RuntimeError: it did not start.
        """
        handle = self._listener.fileno()
        with log.open("ab") as errors:
            process = subprocess.Popen(
                python("vto_container", "--fd", str(handle)),
                cwd=ROOT,
                env={"ENVIRONMENT": "development", "VTO_ENGINES": '["gemini"]', **os.environ, **settings},
                stdin=parent_pipe(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                pass_fds=[handle],
                start_new_session=True,
            )
        # held by the container alone from here on: when it is gone, callers are refused instead of left waiting
        self._listener.close()
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise RuntimeError(f"the try-on container did not start:\n{log.read_text()[-4000:]}")
            yield
        finally:
            stop(process, STOP_S)
            process.stdout.close()
