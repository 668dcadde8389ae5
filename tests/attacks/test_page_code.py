"""What the code of the studio page and of the widget never does: write HTML, run text, keep data, hinder passwords."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"
FILES = sorted(path for folder in ("src", "widget") for path in (WEB / folder).rglob("*.ts*"))
FORBIDDEN = {
    "writes HTML": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment",
    "runs text": r"\beval\(|new Function\(|setTimeout\(\s*[\"'`]|javascript:",
    "keeps data beyond the tab": r"localStorage|indexedDB|document\.cookie",
    "hinders pasting a password": r"onPaste|onCopy|onContextMenu|autoComplete=\"off\"",
    "writes to keys that it was given": r"__proto__|\.prototype\b|Object\.assign\(\s*\{\}",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(WEB)))
def test_no_page_code_does_what_it_must_not(path: Path) -> None:
    text = path.read_text()
    if path.parent.name == "widget":
        # A visit goes on in another tab if the visitor asks for that.
        text = text.replace("localStorage", "")
    found = {what: match[0] for what, pattern in FORBIDDEN.items() if (match := re.search(pattern, text))}
    assert not found


def test_passwords_are_hidden_and_filled_in_by_managers() -> None:
    inputs = [tag for path in FILES for tag in re.findall(r"<input\b[^>]*>", path.read_text(), re.DOTALL)]
    passwords = [tag for tag in inputs if re.search(r"password", tag, re.IGNORECASE)]
    assert passwords
    for tag in passwords:
        assert 'type="password"' in tag
        assert re.search(r'autoComplete="(current|new)-password"', tag)


def test_the_session_alone_is_kept_and_ends_at_the_server_too() -> None:
    keeping = {path.name for path in FILES if "sessionStorage" in path.read_text()}
    assert keeping == {"session.ts", "widget.ts"}
    text = (WEB / "src/api/session.ts").read_text()
    assert "/api/auth/logout" in text
    assert "session.signOut()" in (WEB / "src/studio.tsx").read_text()
