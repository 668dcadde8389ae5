"""Errors of the client against a server that responds with anything."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigurationError, StudioError, Unprocessable
from shared.provider_errors import FEW_TRIES, Blame, ProviderError
from shared.vto import container_errors, errors
from shared.vto.client import VtoClient, client
from shared.vto.protocol import Run, TryOnRequest, TryOnResult

ROOT = Path(__file__).parents[3]
REQUEST = TryOnRequest.model_validate_json(
    json.dumps(
        {
            "jobId": "job:1",
            "person": {"container": "images", "name": "p"},
            "garments": [{"container": "images", "name": "g", "category": "dress"}],
            "output": {"container": "tryon", "prefix": "me/1"},
        }
    )
)


REPORT = {"changedOutsideMask": 0, "engine": "e", "version": "1", "seed": 0, "ms": 1, "notes": [], "provenance": []}
HANDED_BACK = {"code": "engine_unavailable", "message": "m", "retryable": True, "retryAfter": 1}


def result(**fields: Any) -> dict[str, Any]:
    sample = {"image": "me/1/a.png", "mask": "me/1/b.png", "width": 1, "height": 1, "seed": 0, "report": REPORT}
    made = TryOnResult.model_validate(
        {
            "jobId": "job:1", "fingerprint": REQUEST.fingerprint, "container": "tryon", "engine": "e", "version": "1",
            "samples": [sample], "ms": 1, **fields,
        }
    )  # fmt: skip
    return made.model_dump(by_alias=True)


def run(status: str, **fields: Any) -> bytes:
    facts = {"jobId": "job:1", "attempt": 1, "status": status, **fields}
    return Run.model_validate(facts).model_dump_json(by_alias=True).encode()


def problem(code: str, **fields: Any) -> bytes:
    return json.dumps({"code": code, "detail": "m", "status": 0, **fields}).encode()


class Server:
    """Sends its answers one after the other, then repeats the last; `asked` has the requests' lines and headers."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]] | float] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                server.asked.append((self.requestline, dict(self.headers)))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = server.answers[0] if len(server.answers) == 1 else server.answers.pop(0)
                if isinstance(answer, float):
                    # a negative time ends the connection without a word
                    time.sleep(max(answer, 0))
                    self.close_connection = True
                    return
                status, body, headers = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            do_POST = do_GET = do_DELETE = respond

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def ask(server: Server, timeout_s: float = 5, **options: Any) -> TryOnResult:
    options = {"patience_s": 0, "slack_s": 0.3, **options}
    return VtoClient(server.url, lambda: "a-token", **options).finish(REQUEST, timeout_s)


HTML = b"<html>502 Bad Gateway</html>"


@pytest.mark.parametrize(
    ("answers", "kind", "retryable", "wait"),
    [
        ([(200, run("failed", error={"code": "no_person", "message": "m", "retryable": False}), {})],
         errors.NoPerson, False, None),
        ([(200, run("failed", error={"code": "storage_down", "message": "m", "retryable": True, "retryAfter": 9}), {})],
         errors.EngineFailed, True, 9),
        ([(200, run("failed", error=HANDED_BACK), {})], errors.EngineUnavailable, True, 1),
        ([(429, problem("engine_busy"), {"Retry-After": "7"})], errors.EngineBusy, True, 7),
        ([(429, HTML, {})], errors.EngineUnavailable, True, 5),
        ([(503, problem("engine_unavailable"), {"Retry-After": "2"})], errors.EngineUnavailable, True, 2),
        ([(502, HTML, {})], errors.EngineUnavailable, True, 5),
        ([(404, HTML, {})], errors.EngineUnavailable, True, 5),
        ([(301, b"", {"Location": "http://127.0.0.1:9/"})], errors.EngineUnavailable, True, 5),
        ([(401, problem("unauthorized"), {})], errors.EngineRefused, True, 30),
        ([(403, HTML, {})], errors.EngineRefused, True, 30),
        ([(404, problem("not_found"), {})], errors.EngineRefused, True, 30),
        ([(405, problem("method_not_allowed"), {})], errors.EngineRefused, True, 30),
        ([(422, problem("engine_unknown", field="engine"), {})], errors.EngineRefused, True, 30),
        ([(200, run("failed", error={"code": "engine_refused", "message": "m", "retryable": True}), {})],
         errors.EngineRefused, True, None),
        ([(422, problem("invalid", field="steps"), {})], errors.EngineMismatch, True, None),
        ([(413, problem("too_many_bytes"), {})], errors.EngineMismatch, True, None),
        ([(400, problem("bad_request"), {})], errors.EngineMismatch, True, None),
        ([(409, problem("superseded"), {})], StudioError, True, None),
        ([(200, HTML, {})], errors.BadAnswer, True, None),
        ([(200, b"", {})], errors.BadAnswer, True, None),
        ([(200, b"{}", {})], errors.BadAnswer, True, None),
        ([(200, run("completed"), {})], errors.BadAnswer, True, None),
        ([(200, run("completed", result=result(fingerprint="another")), {})], errors.BadAnswer, True, None),
        ([(200, run("completed", result=result(samples=[])), {})], errors.BadAnswer, True, None),
        ([(200, b"x" * (2 << 20), {})], errors.BadAnswer, True, None),
        ([-1.0], errors.EngineUnavailable, True, 5),
    ],
)  # fmt: skip
def test_every_response_maps_to_an_error(
    server: Server, answers: list[Any], kind: type[StudioError], retryable: bool, wait: float | None
) -> None:
    server.answers = answers
    with pytest.raises(kind) as failed:
        ask(server, slack_s=60)
    assert (failed.value.retryable, failed.value.retry_after) == (retryable, wait)
    assert "a-token" not in str(failed.value)


KIND_OF = {Blame.USER: Unprocessable, Blame.OPERATOR: errors.EngineRefused, Blame.TRANSIENT: StudioError}


@pytest.mark.parametrize("row", container_errors.ERRORS.values(), ids=lambda row: row.reason)
def test_every_row_of_the_container(server: Server, row: ProviderError) -> None:
    """As the answer to the request, and as the end of a run."""
    failed = {"code": row.reason, "message": "m", "retryable": row.blame is not Blame.USER}
    for answer in ((422, problem(row.reason, field="f"), {}), (200, run("failed", error=failed), {})):
        server.answers = [answer]
        with pytest.raises(KIND_OF[row.blame]) as raised:
            ask(server, slack_s=60)
        assert (raised.value.code, raised.value.max_tries) == (row.code, row.max_tries)
        assert raised.value.retryable is (row.blame is not Blame.USER)
    assert row.message or row.blame is Blame.OPERATOR


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 410, 413, 418, 429, 500, 502, 503, 504, 520])
def test_every_answer_of_a_proxy(server: Server, status: int) -> None:
    server.answers = [(status, HTML, {})]
    with pytest.raises(StudioError) as raised:
        ask(server, slack_s=60)
    assert raised.value.code == ("engine_refused" if status in (401, 403) else "engine_unavailable")


@pytest.mark.parametrize("answer", [
    (422, problem("something_new"), {}), (500, problem("something_new"), {}),
    (200, run("failed", error={"code": "something_new", "message": "m", "retryable": False}), {}),
])  # fmt: skip
def test_an_unknown_error_is_tried_a_few_times(server: Server, answer: Any) -> None:
    server.answers = [answer]
    with pytest.raises(errors.EngineFailed) as raised:
        ask(server, slack_s=60)
    assert (raised.value.retryable, raised.value.max_tries) == (True, FEW_TRIES)


def test_the_table_has_every_error_that_the_container_can_raise() -> None:
    for code in errors.KINDS:
        assert code in container_errors.ERRORS, code
    sources = "".join(path.read_text() for path in sorted((ROOT / "vto_container").rglob("*.py")))
    named = set(
        re.findall(r'code="(\w+)"|^    code(?:, \w+)* = "(\w+)"|Conflict\([^)]*code="(\w+)"', sources, re.MULTILINE)
    )
    codes = {code for found in named for code in found if code}
    assert len(codes) >= 3
    assert not codes - set(container_errors.ERRORS), "each is a row of the table"


def test_half_a_response_is_unavailable(server: Server) -> None:
    server.answers = [(200, b"{", {"Content-Length": "50"})]
    with pytest.raises(errors.EngineUnavailable) as failed:
        ask(server, 0.5)
    assert (failed.value.retryable, failed.value.retry_after) == (True, 5)


def test_a_silent_container_times_out(server: Server) -> None:
    server.answers = [1.5]
    with pytest.raises(errors.NoAnswer) as silent:
        ask(server, 0.3)
    assert (silent.value.code, silent.value.status) == ("engine_timeout", 504)


def test_a_run_that_takes_too_long_times_out_and_continues(server: Server) -> None:
    server.answers = [(202, run("processing", progress=0.5), {})]
    with pytest.raises(errors.EngineTimeout):
        ask(server, 0.2)
    assert not [line for line, _ in server.asked if line.startswith("DELETE")]


def test_calls_are_repeated_while_patience_lasts(server: Server) -> None:
    server.answers = [
        -1.0,
        (503, HTML, {}),
        (202, run("queued", position=2), {}),
        (200, run("completed", result=result()), {}),
    ]
    assert ask(server, patience_s=60, slack_s=60).samples
    assert len(server.asked) == 4
    for line, headers in server.asked:
        assert line.startswith("POST /tryon?wait=")
        assert headers["Authorization"] == "Bearer a-token"


def test_the_requested_wait_is_bounded(server: Server) -> None:
    server.answers = [(200, run("completed", result=result()), {})]
    ask(server, 900)
    assert server.asked[0][0].startswith("POST /tryon?wait=25 ")


def test_without_settings_there_is_no_client(change: Callable[..., None]) -> None:
    for settings in ({}, {"VTO_URL": "http://127.0.0.1:9"}):
        change(**settings)
        with pytest.raises(ConfigurationError) as failed:
            client()
        assert failed.value.code == "vto_unconfigured"


def test_the_attempt_is_not_part_of_the_fingerprint() -> None:
    assert REQUEST.model_copy(update={"attempt": 9}).fingerprint == REQUEST.fingerprint
    assert REQUEST.model_copy(update={"seed": 9}).fingerprint != REQUEST.fingerprint
