"""Which test files a run reads, and which the process with the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.suite.selection import files_to_run, may_need

PLAIN = "def test_sum(local: dict[str, str]) -> None: ...\n"
DIRECT = "def test_sum(\n    stack: Stack, values: tuple[int, ...] = ()\n) -> None: ...\n"
THROUGH = (
    "@pytest.fixture\ndef shop(stack: Stack) -> Shop: ...\n\n\n"
    "@pytest.fixture\ndef owner(shop: Shop) -> Owner: ...\n\n\n"
    "def test_sum(owner: Owner) -> None: ...\n"
)
USED = 'pytestmark = pytest.mark.usefixtures("stack")\n\n\ndef test_sum() -> None: ...\n'
MARKED = "pytestmark = pytest.mark.on_stack\n\n\n@schema.parametrize()\ndef test_sum(case: Case) -> None: ...\n"
UNUSED = "@pytest.fixture\ndef shop(stack: Stack) -> Shop: ...\n\n\ndef test_sum() -> None: ...\n"


@pytest.mark.parametrize(
    ("text", "needs"),
    [(PLAIN, False), (DIRECT, True), (THROUGH, True), (USED, True), (MARKED, True), (UNUSED, False)],
)
def test_a_file_is_read_if_one_of_its_tests_can_need_the_fixture(tmp_path: Path, text: str, needs: bool) -> None:
    file = tmp_path / "test_sums.py"
    file.write_text(text)
    assert may_need(file, "stack") is needs


def test_what_takes_long_comes_first_and_what_starts_no_process_last(tmp_path: Path) -> None:
    marks = {"a": "", "b": "processes", "c": "early", "d": "long"}
    for name, mark in marks.items():
        (tmp_path / f"test_{name}.py").write_text(f"pytestmark = pytest.mark.{mark}\n" if mark else "")
    (tmp_path / "conftest.py").touch()

    def order(expression: str) -> str:
        return "".join(path.stem[-1] for path in files_to_run([tmp_path, tmp_path / "test_a.py"], expression, ""))

    assert order("") == "cdba"
    assert order("not long") == "cba"
    assert order("not processes") == "cda"
