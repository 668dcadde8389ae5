"""`./studio replay`: dead letters from the shell, on the settings' own store and over HTTP."""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from studio_command import studio

from cli import replay as command
from demo.client import Client
from emulators.stack import Stack
from shared import clock
from shared.documents import Document, Where, store
from shared.documents.sqlite import SqliteStore
from shared.jobs import protocol, queues
from shared.jobs.models import Job

QUEUE = "protocol"


def replay(*arguments: str, status: int = 0, **settings: str) -> dict[str, Any]:
    done = studio("replay", "--json", *arguments, **settings)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """The command in this process, on its store and queues."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())

    def run(*arguments: str, status: int = 0) -> dict[str, Any]:
        options = parser.parse_args(["replay", "--json", *arguments])
        assert options.handler(options) == status
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def dead(local: dict[str, str]) -> list[Document]:
    """Three dead letters, of two kinds and of three users."""
    queues.client(QUEUE).clear_messages()
    error = {"code": "busy", "message": "busy", "retryable": True, "at": clock.iso()}
    made: list[Job] = []
    for n, kind in enumerate(("convert", "convert", "test")):
        job = protocol.new_job(kind, QUEUE, f"u{n}", {"n": n})
        item = {**job.to_item(), "status": "dead", "lastError": error}
        made.append(protocol.jobs.load(store().create("studio", item)))
    return made


def short(job: Job) -> str:
    return job.id.public


def waiting() -> set[str]:
    return {json.loads(m.content)["jobId"] for m in queues.client(QUEUE).receive_messages(max_messages=32)}


def test_the_list_names_them_all(dead: list[Document], here: Callable[..., dict[str, Any]]) -> None:
    found = here("--list")
    assert {letter["id"] for letter in found["letters"]} == {short(job) for job in dead}
    assert found["letters"][0]["error"]["code"] == "busy"
    assert len(here("--list", "--kind", "test")["letters"]) == 1
    assert here("--list", "--status", "failed")["letters"] == []


def test_one_is_replayed_and_audited(dead: list[Document], here: Callable[..., dict[str, Any]]) -> None:
    assert replay(short(dead[0]), "--reason", "the key was fixed")["redriven"] == [short(dead[0])]
    assert waiting() == {dead[0].id}
    assert protocol.load(dead[0].id, "u0").generation == 2
    (entry,) = store().query("audit", Where("subject", "=", short(dead[0]))).items
    assert (entry["userId"], entry["reason"]) == ("shell", "the key was fixed")
    again = here(short(dead[0]), status=1)
    assert short(dead[0]) in again["failed"]
    assert here("nothing", status=1)["failed"]


def test_all_of_a_kind_are_replayed(dead: list[Document], here: Callable[..., dict[str, Any]]) -> None:
    assert len(here("--all", "--kind", "convert")["redriven"]) == 2
    assert waiting() == {dead[0].id, dead[1].id}
    assert here("--all", "--limit", "5")["redriven"] == [short(dead[2])]
    assert here("--all")["redriven"] == []


def test_over_http_it_needs_an_administrator(stack: Stack, admin: Client) -> None:
    documents = SqliteStore(stack.settings["DOCUMENTS"].removeprefix("sqlite:"))
    kind = f"test.{secrets.token_hex(4).translate(str.maketrans('0123456789', 'ghijklmnop'))}"
    try:
        job = protocol_job(kind)
        documents.create("studio", job)
        token = str(admin.session.headers["Authorization"]).removeprefix("Bearer ")
        url = ("--url", stack.url)
        assert "token" in replay("--list", *url, status=1)["error"]
        assert "401" in replay("--list", *url, "--token", "nonsense", status=1)["error"]
        (letter,) = replay("--list", "--kind", kind, *url, STUDIO_TOKEN=token)["letters"]
        assert replay("--all", "--kind", kind, *url, "--token", token)["redriven"] == [letter["id"]]
        assert documents.read("studio", job["id"], job["userId"])["generation"] == 2
    finally:
        documents.close()


def protocol_job(kind: str) -> dict[str, Any]:
    """A dead job on a queue without a consumer."""
    at = clock.iso()
    return {
        "id": f"job:{clock.new_id()}", "userId": "u", "type": "job", "kind": kind, "queue": QUEUE, "status": "dead",
        "attempt": 3, "maxAttempts": 3, "generation": 1, "fence": 3, "seq": 1, "cancelRequested": False, "payload": {},
        "subjectId": None, "errorCounts": {}, "lastError": None, "createdAt": at, "updatedAt": at, "dueAt": None,
        "sweeps": 0,
    }  # fmt: skip
