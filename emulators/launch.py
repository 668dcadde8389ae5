"""Start an emulator as a separate process and stop it again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator
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
    process = subprocess.Popen(
        python(f"emulators.{name}", "--port", str(port), *arguments),
        stdin=parent_pipe(),
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {name} emulator did not start")
        yield json.loads(line)
    finally:
        stop(process, STOP_S)
        process.stdout.close()
