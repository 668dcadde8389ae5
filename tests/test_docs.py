"""The documentation agrees with the repository: links lead somewhere, and the API guide lists every route."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from retired_words import RETIRED

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    page
    for folder in (".", "docs", "docs/decisions", "models_onnx", "training")
    for page in ROOT.glob(f"{folder}/*.md")
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEXT = {
    ".bicep", ".cjs", ".css", ".html", ".js", ".json", ".md", ".mjs", ".py", ".sh", ".toml", ".ts", ".tsx", ".txt",
    ".yaml", ".yml",
}  # fmt: skip
MAY_USE_RETIRED_WORDS = (
    "CHANGELOG.md",  # names a renamed field
    "package-lock.json",
    "shared/gemini/client.py",  # the prompt that is sent to Gemini
    "tests/retired_words.py",
)
"""Files that need them."""
ROUTE = re.compile(r"\"(GET|POST|PUT|PATCH|DELETE)\", \"([^\"]+)\"")


@cache
def anchors(page: Path) -> set[str]:
    """Fragment identifiers of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_relative_links_lead_to_files_and_headings() -> None:
    broken: list[str] = []
    for page in PAGES:
        for link in LINK.findall(page.read_text()):
            if "://" in link or link.startswith("mailto:"):
                continue
            name, _, fragment = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (fragment and fragment not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert not broken


def test_every_row_belongs_to_a_table() -> None:
    """A blank line ends a table: what follows is shown as text with bars in it, unless it is a table of its own."""
    alone: list[str] = []
    for page in PAGES:
        lines = [line.strip() for line in page.read_text().splitlines()] + [""]
        starts = [n for n, line in enumerate(lines[:-1]) if line.startswith("|") and not lines[n - 1].startswith("|")]
        rows = [lines[n] for n in starts if not re.fullmatch(r"\|[-:| ]+\|", lines[n + 1])]
        alone += [f"{page.relative_to(ROOT)}: {row}" for row in rows]
    assert not alone


def test_the_long_tests_are_those_that_the_decision_lists() -> None:
    marked = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("tests/**/test_*.py")
        if "pytest.mark." + "long" in path.read_text()
    }
    table = (ROOT / "docs/decisions/0046-test-time.md").read_text()
    assert marked == set(re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE))


def test_the_api_guide_lists_every_route() -> None:
    code = "\n".join(path.read_text() for path in ROOT.glob("functions/*/*blueprint.py"))
    declared = {f"{method} {path}" for method, path in ROUTE.findall(code)}
    assert len(declared) > 50
    guide = (ROOT / "docs/api.md").read_text()
    listed = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [a-z][^`?]*)`", guide.partition("## Routes")[2]))
    assert listed == declared


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.processes
def test_no_file_uses_a_retired_word() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and not name.startswith(MAY_USE_RETIRED_WORDS)]
    texts = {path: path.read_text("utf-8") for path in paths if path.suffix in TEXT and path.is_file()}
    assert len(texts) > 500
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if RETIRED.search(line)
    ]
    assert not found, "\n".join(found)
