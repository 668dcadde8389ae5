"""The container that a whole stack starts: there, and known to the app. What it makes: tests/functions/tryon."""

from __future__ import annotations

from emulators.stack import Stack
from functions.observe import probes


def test_a_stack_has_a_container(inside: Stack) -> None:
    assert inside.settings["VTO_URL"].startswith("http://127.0.0.1:")
    found = probes.ask({"vto_container": probes.vto_container}, 10)["vto_container"]
    assert found.status == "ok"
    assert found.note in (f"compact: {state}, 0 of 8 waiting" for state in ("idle", "ready"))
