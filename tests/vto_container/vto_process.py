"""The container as a separate process, with the tests' tiny engine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from emulators.with_parent import parent_pipe, python
from shared.vto.client import VtoClient

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-tests-that-is-long-enough"


class Container:
    """`python -m vto_container`, started and stopped by the test, always on the same port."""

    def __init__(self, storage: str, log: Path, **settings: str) -> None:
        self.log = log
        self.port = 0
        self.environment = {
            **os.environ,
            "ENVIRONMENT": "development",
            "Storage": storage,
            "VTO_TOKEN": TOKEN,
            "VTO_ENGINE": "tiny",
            "VTO_PLUGINS": json.dumps({"tiny": "tests.vto_container.tiny_engine:Tiny"}),
            **settings,
        }
        self.start()

    def start(self, **settings: str) -> None:
        """Start it, on the same port as before."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                python("vto_container", "--port", str(self.port)),
                cwd=ROOT,
                env={**self.environment, **settings},
                stdin=parent_pipe(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.url: str = json.loads(line)["url"]
        self.port = int(self.url.rpartition(":")[2])

    @property
    def client(self) -> VtoClient:
        """A client that does not wait for a long outage."""
        return VtoClient(self.url, lambda: TOKEN, patience_s=0)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.process.terminate()
        return self.process.wait(20)

    def close(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
