"""`./studio replay`: lists dead letters and gives them a new life, from the shell.

Without `--url` it works on the store and the queues that the settings name, so it also helps when no app answers; with
`--url` it asks a running app, as an administrator.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from emulators.functions_host.settings import local_values
from emulators.stack import ROOT

SHELL = "shell"
"""Actor in the audit log when no user is signed in."""


class Letters(Protocol):
    """Where dead letters are listed and redriven."""

    def listing(self, status: str, kind: str | None) -> Iterator[dict[str, Any]]:
        """All dead letters: {id, userId, kind, attempt, generation, error, updatedAt}."""
        ...

    def redrive(self, id: str, reason: str) -> None:
        """Queue one again. Raises ReplayError."""
        ...


class ReplayError(Exception):
    """It did not work; the text says why."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("replay", help="list dead letters, or give them a new life")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="list them")
    what.add_argument("--all", action="store_true", help="redrive all of them")
    what.add_argument("id", nargs="?", metavar="ID", help="redrive this one")
    parser.add_argument("--status", choices=("dead", "failed"), default="dead", help="failed ones are listed, too")
    parser.add_argument("--kind", help="only jobs of this kind, convert say")
    parser.add_argument("--limit", type=int, default=1000, help="at most so many (1000)")
    parser.add_argument("--reason", default="replayed from the shell", help="for the audit log")
    parser.add_argument("--url", help="of a running app, https://HOST; by default the settings' own store is used")
    parser.add_argument("--token", help="an administrator's access token, or STUDIO_TOKEN in the environment")
    parser.add_argument("--json", action="store_true", help="print {ok, letters | redriven, failed}")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """List or redrive; 0 only when everything asked for was done."""
    from shared.errors import StudioError

    try:
        letters = _OverHttp(options.url, options.token) if options.url else _InStore()
        return _list(letters, options) if options.list else _redrive(letters, options)
    except (ReplayError, StudioError) as error:
        message = error.message if isinstance(error, StudioError) else str(error)
        print(json.dumps({"ok": False, "error": message}) if options.json else f"studio: {message}", file=_out(options))
        return 1


def _out(options: argparse.Namespace) -> Any:
    return sys.stdout if options.json else sys.stderr


def _list(letters: Letters, options: argparse.Namespace) -> int:
    found: list[dict[str, Any]] = []
    for letter in letters.listing(options.status, options.kind):
        found.append(letter)
        if len(found) >= options.limit:
            break
    if options.json:
        print(json.dumps({"ok": True, "letters": found}))
        return 0
    for letter in found:
        error: dict[str, Any] = letter["error"] or {}
        print(
            f"{letter['updatedAt']}  {letter['id']}  {letter['kind']}  generation {letter['generation']}, "
            f"attempt {letter['attempt']}  {error.get('code', '?')}: {error.get('message', '')}"
        )
    print(f"{len(found)} {options.status}; redrive with ./studio replay ID, or --all" if found else "none")
    return 0


def _redrive(letters: Letters, options: argparse.Namespace) -> int:
    ids: list[str] = [] if options.all else [options.id]
    if options.all:
        for letter in letters.listing(options.status, options.kind):
            ids.append(letter["id"])
            if len(ids) >= options.limit:
                break
    done: list[str] = []
    failed: dict[str, str] = {}
    for id in ids:
        try:
            letters.redrive(id, options.reason)
            done.append(id)
        except ReplayError as error:
            failed[id] = str(error)
    if options.json:
        print(json.dumps({"ok": not failed, "redriven": done, "failed": failed}))
    else:
        for id, why in failed.items():
            print(f"studio: {id}: {why}", file=sys.stderr)
        print(f"{len(done)} redriven" + (f", {len(failed)} not" if failed else ""))
    return 1 if failed else 0


class _InStore:
    """On the store and the queues of the settings."""

    def __init__(self) -> None:
        local_values(ROOT)

    def listing(self, status: str, kind: str | None) -> Iterator[dict[str, Any]]:
        from functions.admin import dead_letters
        from functions.admin.models.dead_letters import DeadLettersQuery

        continuation: str | None = None
        while True:
            query = DeadLettersQuery.model_validate(
                {"status": status, "kind": kind, "limit": 100, "continuation": continuation}
            )
            page = dead_letters.list_dead_letters(query)
            yield from (item.model_dump(by_alias=True, mode="json") for item in page.items)
            continuation = page.continuation
            if continuation is None:
                return

    def redrive(self, id: str, reason: str) -> None:
        from functions.admin import dead_letters
        from shared.accounts.documents import Role
        from shared.errors import StudioError
        from shared.http.auth import Principal

        try:
            dead_letters.redrive(Principal(SHELL, Role.ADMIN, SHELL, 0.0), id, reason)
        except StudioError as error:
            raise ReplayError(error.message) from None


class _OverHttp:
    """Through the API of a running app."""

    def __init__(self, url: str, token: str | None) -> None:
        import requests

        token = token or os.environ.get("STUDIO_TOKEN")
        if not token:
            raise ReplayError("give an administrator's access token with --token, or in STUDIO_TOKEN")
        self._base = f"{url.rstrip('/').removesuffix('/api')}/api/admin/dead-letters"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def listing(self, status: str, kind: str | None) -> Iterator[dict[str, Any]]:
        wanted = {"status": status, "kind": kind, "limit": "100"}
        while True:
            page = self._call("GET", self._base, wanted)
            yield from page["items"]
            if not page["continuation"]:
                return
            wanted["continuation"] = page["continuation"]

    def redrive(self, id: str, reason: str) -> None:
        self._call("POST", f"{self._base}/{id}/redrive", {"reason": reason})

    def _call(self, method: str, url: str, params: Mapping[str, str | None]) -> Any:
        import requests

        try:
            answer = self._session.request(method, url, params=dict(params), timeout=60)
            content = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ReplayError(f"the app can't be reached: {type(error).__name__}") from None
        if not answer.ok:
            raise ReplayError(f"{answer.status_code} {content.get('detail', '')}")
        return content
