"""Which files the test process for the stack reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from selection import may_need

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
