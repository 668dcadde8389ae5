"""What is deployed, weighed: the files that `.funcignore` leaves, and the packages that `requirements.txt` brings.

`python -m cli.package` prints megabytes; `--json` gives {files: {folder: bytes}, packages: {name: bytes}, bytes}.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from collections import Counter
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_NAME: Final = re.compile(r"^[A-Za-z0-9._-]+")


def is_ignored(path: str, patterns: list[str]) -> bool:
    """Whether a path below the root is left out by patterns of `.funcignore`: names, paths and `*`, no negations."""
    place = PurePosixPath(path)
    tops = [one for one in (place, *place.parents) if str(one) != "."]
    return any(top.match(pattern) for pattern in patterns for top in tops)


def files(root: Path = ROOT) -> dict[str, int]:
    """The deployed files and their bytes."""
    lines = (root / ".funcignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    kept = [path for path in listed if path and not is_ignored(path, patterns) and (root / path).is_file()]
    return {path: (root / path).stat().st_size for path in kept}


def packages(root: Path = ROOT) -> dict[str, int]:
    """The packages that `requirements.txt` brings, with what they depend on, and their bytes as installed here."""
    lines = (root / "requirements.txt").read_text().splitlines()
    waiting = [found[0] for line in lines if (found := _NAME.match(line))]
    sizes: dict[str, int] = {}
    while waiting:
        name = _normal(waiting.pop())
        if name in sizes:
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform
        sizes[name] = _bytes(found)
        waiting += _needs(found)
    return sizes


def _needs(of: Distribution) -> list[str]:
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in of.requires or ()]
    return [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def _bytes(of: Distribution) -> int:
    total = 0
    for file in of.files or ():
        path = Path(str(file.locate()))
        if path.suffix != ".pyc" and path.is_file():
            total += path.stat().st_size
    return total


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m cli.package", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    folders = Counter[str]()
    for path, size in files().items():
        folders[path.partition("/")[0]] += size
    brought = packages()
    total = folders.total() + sum(brought.values())
    if options.json:
        print(json.dumps({"files": dict(folders), "packages": brought, "bytes": total}))
        return
    largest = sorted(brought.items(), key=lambda one: -one[1])
    for name, size in [*folders.most_common(), *largest[:15], ("all", total)]:
        print(f"{size / 1e6:8.1f} MB  {name}")


if __name__ == "__main__":
    main()
