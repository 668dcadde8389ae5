"""Start emulators as separate processes and stop them again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from emulators.with_parent import parent_pipe, python, stop

STOP_S: Final = 5


@contextmanager
def launch(name: str, *arguments: str, port: int = 0) -> Generator[dict[str, Any]]:
    """Run `python -m emulators.NAME --port PORT`; yields its start-up line as a dict, stops it on the way out.

    Raises RuntimeError when the process ends before it printed the line (its traceback is on stderr).
    """
    with _started([name], python(f"emulators.{name}", "--port", str(port), *arguments)) as facts:
        yield facts[name]


@contextmanager
def launch_together(ports: Mapping[str, int]) -> Generator[dict[str, dict[str, Any]]]:
    """Run emulators of providers, by name with their ports, in one process; yields the start-up line of each as a dict.

    Raises RuntimeError as `launch` does.
    """
    places = [f"{name}={port}" for name, port in ports.items()]
    with _started(list(ports), python("emulators.providers", *places)) as facts:
        yield facts


@contextmanager
def _started(names: list[str], command: list[str]) -> Generator[dict[str, dict[str, Any]]]:
    process = subprocess.Popen(
        command,
        stdin=parent_pipe(),
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    try:
        facts: dict[str, dict[str, Any]] = {}
        for name in names:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the {name} emulator did not start")
            facts[name] = json.loads(line)
        yield facts
    finally:
        stop(process, STOP_S)
        process.stdout.close()
