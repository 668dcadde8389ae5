"""A container that is down, dies, hangs or responds with garbage: jobs wait and finish, none is charged twice."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from drawn import needs_model
from quick import eventually

from functions.observe import probes
from functions.tryon import service
from shared.documents import store
from shared.errors import StudioError
from shared.jobs import control, protocol
from shared.vto import client as vto
from shared.vto import errors
from shared.vto.protocol import TryOnRequest
from tests.functions.tryon.tryon_shopper import TOKEN, Shopper

pytestmark = [needs_model, pytest.mark.early]
type Configure = Callable[..., None]
HANG, SLOW, HELD = 901, 905, 908
"""Seeds by which the tiny engine never ends, takes 3 s, and waits for the container's gate."""


def is_taken(shopper: Shopper, id: str) -> bool:
    """Whether the container has its run, running or waiting."""
    return vto.client().get_run(f"{shopper.id}:{id}-1", 0) is not None


def one_result(shopper: Shopper, id: str) -> None:
    """It ended well, once."""
    made = shopper.get(id)
    assert (made.status, made.billed, len(made.results)) == ("completed", True, 1)
    assert made.output_url
    assert shopper.used() == 1
    results = [one for one in shopper.result_blobs() if one.endswith("optimised.webp")]
    assert len(results) == 1


def test_jobs_wait_for_an_unavailable_container_without_using_attempts(shopper: Shopper, configure: Configure) -> None:
    configure(JOB_MAX_ATTEMPTS="2")
    shopper.container.kill()
    asked = shopper.ask("a", mode="sync")
    assert asked.status == "retrying"
    for _ in range(3):
        waiting = shopper.deliver("a")
        assert (waiting.status, waiting.attempt) == ("retrying", 0)
        assert waiting.last_error.code == "engine_unavailable"
    assert (shopper.used(), shopper.notified_events()) == (1, [])

    other = Shopper(shopper.container)
    configure(TRYON_PATIENCE_S="0.2")
    other.ask("b", mode="queued")
    dead = other.drive("b")
    assert (dead.status, dead.attempt) == ("dead", 2)
    failed = other.get("b")
    assert failed.error and (failed.error.code, failed.error.retryable) == ("engine_unavailable", True)
    assert (other.used(), failed.billed, other.notified_events()) == (0, False, ["tryon.failed"])

    configure(TRYON_PATIENCE_S="3600")
    shopper.container.start()
    assert shopper.drive("a").status == "completed"
    one_result(shopper, "a")
    assert shopper.notified_events() == ["tryon.completed"]
    control.redrive(other.job("b"))
    assert protocol.waited(other.job("b")) == 0
    assert other.drive("b").status == "completed"
    one_result(other, "b")


def test_a_run_of_a_killed_container_is_made_by_the_next_one(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_SYNC_S="1")
    asked = shopper.ask("a", seed=SLOW, mode="sync")
    assert asked.status == "processing"
    shopper.container.kill()
    while shopper.job("a").status == "processing":
        time.sleep(0.05)
    assert (shopper.job("a").status, shopper.job("a").attempt) == ("retrying", 0)
    shopper.container.start()
    assert shopper.drive("a").status == "completed"
    one_result(shopper, "a")


def test_a_call_survives_a_restart_of_the_container(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_SYNC_S="1", VTO_PATIENCE_S="20")
    shopper.ask("a", seed=SLOW, mode="sync")
    shopper.container.kill()
    shopper.container.start()
    while shopper.job("a").status == "processing":
        time.sleep(0.05)
    assert (shopper.job("a").status, shopper.job("a").attempt) == ("completed", 1)
    one_result(shopper, "a")


def test_the_result_of_a_worker_that_dies_after_the_run_is_found(shopper: Shopper, configure: Configure) -> None:
    configure(JOB_LEASE_S="1", JOB_GRACE_S="0")
    shopper.ask("a", mode="queued")
    claimed = protocol.claim(shopper.job("a"), "a worker that dies")
    assert claimed is not None
    from shared.jobs.step import Task

    service.step().run(Task(claimed, lambda _: None))
    time.sleep(1.1)
    started = shopper.job("a")
    assert started.status == "processing" and shopper.used() == 1
    done = shopper.drive("a")
    assert (done.status, done.attempt) == ("completed", 2)
    one_result(shopper, "a")


def test_a_hanging_engine_times_out_uses_an_attempt_and_is_not_charged(shopper: Shopper, configure: Configure) -> None:
    configure(JOB_MAX_ATTEMPTS="1")
    shopper.ask("a", mode="queued", seed=HANG)
    dead = shopper.drive("a")
    assert (dead.status, dead.attempt) == ("dead", 1)
    failed = shopper.get("a")
    assert failed.error and (failed.error.code, failed.error.retryable) == ("engine_timeout", True)
    assert (shopper.used(), shopper.result_blobs()) == (0, [])
    assert shopper.ask("b", mode="sync").status == "completed"


def test_a_run_longer_than_the_timeout_is_joined_by_the_next_attempt(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_RUN_S="1", JOB_MAX_ATTEMPTS="10")
    shopper.ask("a", mode="queued", seed=SLOW)
    done = shopper.drive("a")
    assert done.status == "completed" and done.attempt > 1
    one_result(shopper, "a")


def test_a_job_waits_while_the_container_is_busy(shopper: Shopper, configure: Configure) -> None:
    shopper.container.gate.unlink(missing_ok=True)
    configure(TRYON_SYNC_S="0.4", JOB_MAX_ATTEMPTS="1")
    for id in ("a", "b"):
        assert shopper.ask(id, seed=HELD, mode="sync").status == "processing"
    eventually(lambda: all(is_taken(shopper, id) for id in ("a", "b")), "both runs")
    shopper.ask("c", mode="queued")
    waiting = shopper.deliver("c")
    assert (waiting.last_error.code, waiting.attempt) == ("engine_busy", 0)
    shopper.container.gate.touch()
    eventually(lambda: all(shopper.job(id).status != "processing" for id in ("a", "b")), "the end of both")
    assert shopper.drive("c").status == "completed"
    assert (shopper.get("a").status, shopper.get("b").status, shopper.used()) == ("completed", "completed", 3)


def test_jobs_wait_for_a_silent_container_without_using_attempts(
    shopper: Shopper, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled to zero: what stands before it takes calls and holds them until it has started."""
    configure(JOB_MAX_ATTEMPTS="1", TRYON_RUN_S="0.2")
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as patch:
        # the house's client, which waits less long
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        impatient = vto.VtoClient(url, lambda: TOKEN, 0, slack_s=0.3)
        patch.setattr(vto, "client", lambda: impatient)
        shopper.ask("a", mode="queued")
        waiting = shopper.deliver("a")
        assert (waiting.status, waiting.attempt) == ("retrying", 0)
        assert waiting.last_error.code == "engine_timeout"
    configure(TRYON_RUN_S="60")
    assert shopper.drive("a").status == "completed"
    one_result(shopper, "a")


@contextmanager
def talking(status: int, body: bytes, kind: str) -> Iterator[str]:
    """Something at the container's address that is no container."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


RUN = b'{"jobId":"x","attempt":1,"status":"completed","progress":1.0,"result":{"jobId":"x","fingerprint":"0",'
OTHER = RUN + b'"container":"tryon","engine":"e","version":"v","samples":[],"ms":1}}'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"\x00\xff\x00garbage", "application/octet-stream"),
        (200, OTHER, "application/json"),
        (502, b"<html>bad gateway</html>", "text/html"),
        (404, b"no such revision", "text/plain"),
    ],
)
def test_an_invalid_response_is_not_taken_for_a_result(
    shopper: Shopper, configure: Configure, status: int, body: bytes, kind: str
) -> None:
    configure(JOB_MAX_ATTEMPTS="2")
    with talking(status, body, kind) as url:
        configure(VTO_URL=url)
        shopper.ask("a", mode="queued")
        after = shopper.deliver("a")
        assert (after.status, after.last_error.retryable) == ("retrying", True)
        assert after.last_error.code in ("engine_bad_answer", "engine_unavailable")
    configure(VTO_URL=shopper.container.url)
    assert shopper.drive("a").status == "completed"
    one_result(shopper, "a")


def health(shopper: Shopper) -> str:
    """What `health` says of the container when it is wrong."""
    found = probes.ask({"vto": probes.vto_container}, 5)["vto"]
    assert found.status == "failed" and found.note
    return found.note


WRONG = {
    "token": ({"VTO_TOKEN": "another" + TOKEN}, "refuses our token"),
    "address": ({"VTO_URL": "{url}/elsewhere"}, "refuses our token|not at this address"),
    "engine": ({"TRYON_ENGINES": '["fashn"]'}, "not set up for fashn"),
    "ourselves": ({"VTO_URL": ""}, ""),
}


@pytest.mark.parametrize(("wrong", "note"), WRONG.values(), ids=WRONG)
def test_a_misconfiguration_uses_no_attempts_and_is_reported_by_health(
    shopper: Shopper, configure: Configure, wrong: dict[str, str], note: str
) -> None:
    configure(JOB_MAX_ATTEMPTS="1", TRYON_ENGINES=wrong.get("TRYON_ENGINES", '["tiny"]'))
    id = "a"
    shopper.ask(id, mode="queued")
    configure(
        **{name: value.format(url=shopper.container.url) for name, value in wrong.items() if name != "TRYON_ENGINES"}
    )
    for _ in range(2):
        waiting = shopper.deliver(id)
        assert (waiting.status, waiting.attempt) == ("retrying", 0)
        assert waiting.last_error.code == "engine_refused" and waiting.last_error.retryable
    assert (shopper.used(), shopper.notified_events()) == (1, [])
    if note:
        assert re.search(note, health(shopper))
    configure(VTO_TOKEN=TOKEN, VTO_URL=shopper.container.url)
    if "TRYON_ENGINES" in wrong:
        # the container is set up for it at last, which here is another engine
        store().patch("studio", f"tryon:{id}", shopper.id, set={"engine": "tiny"})
    assert shopper.drive(id).status == "completed"
    one_result(shopper, id)


def test_jobs_wait_for_missing_weights_for_a_limited_time(shopper: Shopper, configure: Configure) -> None:
    configure(JOB_MAX_ATTEMPTS="1")
    shopper.ask("a", mode="queued", engine="bare")
    waiting = shopper.deliver("a")
    assert (waiting.status, waiting.attempt, waiting.last_error.code) == ("retrying", 0, "engine_refused")
    assert health(shopper) == "it can't load bare"
    configure(TRYON_PATIENCE_S="0")
    assert shopper.drive("a").status == "dead"
    failed = shopper.get("a")
    assert failed.error and (failed.error.code, failed.error.retryable, failed.error.billed) == (
        "engine_refused", True, False
    )  # fmt: skip
    assert (shopper.used(), "weights" in failed.error.message) == (0, False)


def test_a_container_of_another_version_uses_attempts(
    shopper: Shopper, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real one, asked for something that it does not know."""
    configure(JOB_MAX_ATTEMPTS="2")
    shopper.ask("a", mode="queued")
    with monkeypatch.context() as patch:
        patch.setattr(TryOnRequest, "fingerprint", property(lambda _: "0" * 64))
        patch.setattr(TryOnRequest, "model_dump_json", lambda self, **_: '{"newer": true}')
        waiting = shopper.deliver("a")
        assert (waiting.status, waiting.attempt) == ("retrying", 1)
        assert waiting.last_error.code == "engine_mismatch"
        dead = shopper.deliver("a")
        assert dead.status == "dead"
    assert (shopper.used(), shopper.get("a").billed) == (0, False)
    control.redrive(shopper.job("a"))
    assert shopper.drive("a").status == "completed"


@pytest.mark.parametrize("kind", errors.KINDS.values(), ids=errors.KINDS)
def test_every_code_states_whether_it_is_retryable(kind: type[StudioError]) -> None:
    """What only other pictures can correct is 422 and final, everything else is worth another try; see the module."""
    assert kind("m").retryable is (kind.status != 422)
    assert kind.code.islower() and kind.status in (422, 429, 502, 503, 504)


def test_a_result_that_is_not_an_image_fails_the_attempt(shopper: Shopper, configure: Configure) -> None:
    """The report is there, the picture it names is not what it says."""
    from shared import blobs

    configure(JOB_MAX_ATTEMPTS="2", JOB_LEASE_S="1", JOB_GRACE_S="0")
    shopper.ask("a", mode="queued")
    claimed = protocol.claim(shopper.job("a"), "a worker that dies")
    assert claimed is not None
    from shared.jobs.step import Task

    made = service.step().run(Task(claimed, lambda _: None))
    assert made.result_item()["resultImageIds"]
    (image, *_) = [one.item for one in made.operations]  # pyright: ignore[reportAttributeAccessIssue]
    blobs.put(blobs.TRYON, image["blobs"]["original"]["name"], b"not a picture", content_type="image/png")
    time.sleep(1.1)
    failed = shopper.drive("a")
    assert failed.status == "dead" and failed.last_error.code == "engine_bad_answer"
    assert (shopper.used(), shopper.result_blobs()) == (0, [])
    assert store().find("studio", image["id"], shopper.id) is None
