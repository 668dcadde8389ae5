"""The environment of `models export`: Python 3.11 with torch and transformers, made on first use, apart from ours."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from emulators.stack import ROOT
from emulators.with_parent import parent_pipe, program

FOLDER = ROOT / "training" / "export_clip" / ".venv"
REQUIREMENTS = ROOT / "training" / "export_clip" / "requirements.txt"
PYTHON = FOLDER / "bin" / "python"
STAMP = FOLDER / ".installed"
"""Holds what was installed; a changed list of packages installs again."""
WANTED = "3.11"


class EnvironmentMissing(Exception):
    """The environment can't be made; the message says why and what to do."""


def ready() -> bool:
    """Whether the environment is there, with the packages as pinned."""
    return PYTHON.is_file() and STAMP.is_file() and STAMP.read_text() == _wanted()


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def ensure(say: Callable[[str], None] = _print) -> Path:
    """The environment's Python; makes the environment when it is missing. Of several processes one makes it.

    Raises:
        EnvironmentMissing: there is no Python 3.11, or the packages can't be installed.
    """
    if ready():
        return PYTHON
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready():
            say("studio: making the environment of the export (once; torch and transformers, about 1 GB)")
            _make()
    return PYTHON


def _make() -> None:
    uv = shutil.which("uv")
    if not _is_wanted(PYTHON):
        python = next(filter(_is_wanted, _candidates()), None)
        if python is None:
            raise EnvironmentMissing(
                f"Python {WANTED} is missing: install it (pyenv install {WANTED}, or python.org) and run again; "
                "STUDIO_TRAINING_PYTHON names one that is not found"
            )
        made = [uv, "venv", "--quiet", "--allow-existing", "--python", str(python), str(FOLDER)] if uv else [
            str(python), "-m", "venv", str(FOLDER)
        ]  # fmt: skip
        _run(made, f"Python {WANTED} can't make environments: install its venv module")
    installer = [uv, "pip", "install", "--python", str(PYTHON)] if uv else [
        str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"
    ]  # fmt: skip
    # compiling all of torch takes longer than installing it; what is used is compiled when it is
    installer += [] if uv else ["--no-compile"]
    _run([*installer, "--quiet", "-r", str(REQUIREMENTS)], "its packages can't be installed")
    STAMP.write_text(_wanted())


def _run(command: list[str], otherwise: str) -> None:
    done = subprocess.run(program(*command), cwd=ROOT, stdin=parent_pipe(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise EnvironmentMissing(f"{otherwise}: {said[-1].strip() if said else f'status {done.returncode}'}")


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("STUDIO_TRAINING_PYTHON"):
        yield Path(given)
    for name in (f"python{WANTED}", "python3", "python"):
        if found := shutil.which(name):
            yield Path(found)
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(versions.glob(f"{WANTED}*/bin/python"), reverse=True)
    if uv := shutil.which("uv"):
        asked = [uv, "python", "find", "--no-project", WANTED]
        found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        if found:
            yield Path(found)


def _is_wanted(python: Path) -> bool:
    """A shim may be there for a version that is not."""
    code = f"import sys; sys.exit('.'.join(map(str, sys.version_info[:2])) != '{WANTED}')"
    try:
        return subprocess.run([str(python), "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _wanted() -> str:
    return f"{zlib.crc32(REQUIREMENTS.read_bytes()):08x}"


def main() -> int:
    """`python -m cli.models_env`: make the environment; status 3 when there is no Python for it."""
    try:
        ensure()
    except EnvironmentMissing as error:
        print(f"studio: {error}", file=sys.stderr)
        return 1 if any(map(_is_wanted, _candidates())) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
