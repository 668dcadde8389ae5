"""The files that pyright looks at after a change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cli.changed import files_to_check

pytestmark = pytest.mark.processes

FILES = {
    "pyproject.toml": '[tool.pyright]\ninclude = ["app", "main.py"]\n',
    "app/__init__.py": "",
    "app/base.py": "VALUE = 1\n",
    "app/user.py": "from app import base\n",
    "app/near.py": "from .base import VALUE\n",
    "app/other.py": "import json\n",
    "main.py": "import app.base\n",
    "notes/example.py": "from app.base import VALUE\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository whose only commit holds FILES."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    return tmp_path


def git(tree: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *who, *arguments], cwd=tree, check=True, capture_output=True)


def commit(tree: Path) -> None:
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "Change")


def test_nothing_changed(tree: Path) -> None:
    assert files_to_check(tree) == []


def test_a_changed_file_and_its_importers(tree: Path) -> None:
    (tree / "app/base.py").write_text("VALUE = 2\n")
    assert files_to_check(tree) == ["app/base.py", "app/near.py", "app/user.py", "main.py"]


def test_importers_of_a_removed_file(tree: Path) -> None:
    (tree / "app/base.py").unlink()
    assert files_to_check(tree) == ["app/near.py", "app/user.py", "main.py"]


def test_a_new_file_and_one_that_cannot_be_read(tree: Path) -> None:
    (tree / "app/new.py").write_text("def (\n")
    assert files_to_check(tree) == ["app/new.py"]


def test_a_file_outside_what_pyright_checks(tree: Path) -> None:
    (tree / "notes/example.py").write_text("")
    assert files_to_check(tree) == []


def test_commits_that_origin_lacks_count(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = tmp_path_factory.mktemp("clone")
    git(clone, "clone", "-q", str(tree), ".")
    (clone / "app/other.py").write_text("import app.near\n")
    commit(clone)
    assert files_to_check(clone) == ["app/other.py"]


def test_without_git_everything_is_checked(tmp_path: Path) -> None:
    assert files_to_check(tmp_path) is None
