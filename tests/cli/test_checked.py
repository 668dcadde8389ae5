"""Which files pyright checks again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.checked import Checked

FILES = {
    "pyproject.toml": '[tool.pyright]\ninclude = ["app", "main.py"]\n',
    "requirements-dev.lock": "one==1\n",
    "app/__init__.py": "",
    "app/base.py": "VALUE = 1\n",
    "app/user.py": "from app import base\n",
    "app/far.py": "def late():\n    from . import user\n",
    "app/other.py": "import json\n",
    "lib/__init__.py": "",
    "lib/tool.py": "",
    "main.py": "import lib.tool\n",
    "lib/.hidden/no.py": "",
}
ALL = ["app/__init__.py", "app/base.py", "app/far.py", "app/other.py", "app/user.py", "main.py"]


@pytest.fixture
def checked(tmp_path: Path) -> Callable[[], Checked]:
    """Reads the tree of FILES as it is now."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "packages").mkdir()
    return lambda: Checked(tmp_path, tmp_path / "store", tmp_path / "packages")


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        (None, []),
        ("app/other.py", ["app/other.py"]),
        ("app/user.py", ["app/far.py", "app/user.py"]),
        ("app/base.py", ["app/base.py", "app/far.py", "app/user.py"]),
        ("app/__init__.py", ["app/__init__.py", "app/far.py", "app/user.py"]),
        ("lib/__init__.py", ["main.py"]),
        ("app/new.py", ["app/new.py"]),
        ("json.pyi", ["app/other.py"]),
        ("lib/tool/__init__.py", ["main.py"]),
        *((name, ALL) for name in ("pyproject.toml", "requirements-dev.lock", "packages/two-2.dist-info")),
    ],
)
def test_what_can_have_changed_is_checked_again(
    tmp_path: Path, checked: Callable[[], Checked], changed: str | None, left: list[str]
) -> None:
    first = checked()
    assert first.left() == ALL
    first.remember()
    if changed is not None:
        (tmp_path / changed).parent.mkdir(exist_ok=True)
        with (tmp_path / changed).open("a") as file:
            file.write("# changed\n")
    assert checked().left() == left


def test_a_file_that_changes_during_the_check_is_checked_again(tmp_path: Path, checked: Callable[[], Checked]) -> None:
    first = checked()
    (tmp_path / "app/base.py").write_text("VALUE = 2\n")
    first.remember()
    assert checked().left() == ALL


def test_a_file_that_cannot_be_read_as_python_is_checked(tmp_path: Path, checked: Callable[[], Checked]) -> None:
    (tmp_path / "app/base.py").write_text("def (\n")
    assert "app/base.py" in checked().left()
