"""A copy of what `./studio doctor --infra` reads, to plant mistakes in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy(folder: Path) -> Path:
    """Copy infra/, azure.yaml, the documentation and the images into a folder."""
    for name in ("infra", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("images"))
    shutil.copytree(ROOT / ".github", folder / ".github")
    (folder / "vto_container").mkdir()
    for path in (ROOT / "vto_container").glob("Dockerfile*"):
        shutil.copy(path, folder / "vto_container")
    for name in ("azure.yaml", "host.json", "README.md"):
        shutil.copy(ROOT / name, folder)
    (folder / "web").mkdir()
    shutil.copy(ROOT / "web/package.json", folder / "web")
    (folder / "models_onnx").symlink_to(ROOT / "models_onnx")
    return folder


@contextmanager
def planted(folder: Path, name: str, old: str, new: str) -> Iterator[None]:
    """Replace a text that occurs in a file of the copy, until the block ends."""
    path = folder / name
    content = path.read_text()
    assert old in content, f"{name} does not contain {old!r}"
    path.write_text(content.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(content)
