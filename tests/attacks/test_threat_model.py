"""The threat model names tests and pages that exist, and leaves out no attack."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text()
STATES = {"covered", "partly", "open", "n/a"}
REQUIREMENT = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_what_it_names_exists() -> None:
    named = set(re.findall(r"\b(?:tests|functions|infra|docs)/[\w./-]*\w", PAGE))
    assert len(named) > 30
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_attack_is_in_it() -> None:
    files = {f"tests/attacks/{path.name}" for path in (ROOT / "tests/attacks").glob("test_*.py")}
    assert sorted(name for name in files - {"tests/attacks/test_threat_model.py"} if name not in PAGE) == []


def test_every_requirement_of_levels_1_and_2_has_a_state() -> None:
    """217 of 253: without chapters 10 and 17 (36), which do not apply."""
    rows = REQUIREMENT.findall(PAGE)
    assert len(rows) == len({number for number, *_ in rows}) == 217
    assert {state for _, _, state, _ in rows} <= STATES
    for state in STATES:
        count = sum(row[2] == state for row in rows)
        word = "not applicable" if state == "n/a" else state
        assert f"{count} {word}" in PAGE


def test_all_ten_risks_of_owasp_have_a_test() -> None:
    rows = re.findall(r"^\| API(\d+) [^|]+\|[^|]+\|([^|]+)\|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 11))
    assert all("tests/" in where for _, where in rows)
