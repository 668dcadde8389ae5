"""Runs `./studio` commands as processes that end with the test run."""

from __future__ import annotations

import os
import subprocess

from emulators.stack import ROOT
from emulators.with_parent import parent_pipe, python


def studio(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `environment` adds to this process's own."""
    return subprocess.run(
        python("cli", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=parent_pipe(),
        capture_output=True,
        text=True,
        check=False,
    )
