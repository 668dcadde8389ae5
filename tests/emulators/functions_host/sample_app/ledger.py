"""Where the app leaves a trace of each run: one line of JSON in the file that LEDGER names."""

import json
import os
from pathlib import Path
from typing import Any


def record(function: str, **facts: Any) -> None:
    """Append one line; a single short write, so lines of several processes do not mix."""
    line = json.dumps({"function": function, "pid": os.getpid(), **facts}) + "\n"
    with Path(os.environ["LEDGER"]).open("a") as file:
        file.write(line)
