"""A container that is away, dies, hangs or talks nonsense: jobs wait and finish, none is lost, none is paid twice."""

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
from tests.functions.tryon.conftest import TOKEN, Room

pytestmark = [needs_model, pytest.mark.long]
type Settle = Callable[..., None]
HANG, SLOW = 901, 905
"""Seeds by which the tiny engine never ends, and takes 3 s."""


def one_result(room: Room, id: str) -> None:
    """It ended well, once."""
    made = room.get(id)
    assert (made.status, made.billed, len(made.results)) == ("completed", True, 1)
    assert made.output_url
    assert room.used() == 1
    results = [one for one in room.left() if one.endswith("optimised.webp")]
    assert len(results) == 1


def test_while_it_is_away_jobs_wait_and_use_no_attempts_up(room: Room, settle: Settle) -> None:
    settle(JOB_MAX_ATTEMPTS="2")
    room.container.kill()
    asked = room.ask("a", mode="sync")
    assert asked.status == "retrying"
    for _ in range(3):
        waiting = room.deliver("a")
        assert (waiting["status"], waiting["attempt"]) == ("retrying", 0)
        assert waiting["lastError"]["code"] == "engine_unavailable"
    assert (room.used(), room.told()) == (1, [])

    other = Room(room.container)
    settle(TRYON_PATIENCE_S="0.2")
    other.ask("b", mode="queued")
    dead = other.drive("b")
    assert (dead["status"], dead["attempt"]) == ("dead", 2)
    failed = other.get("b")
    assert failed.error and (failed.error.code, failed.error.retryable) == ("engine_unavailable", True)
    assert (other.used(), failed.billed, other.told()) == (0, False, ["tryon.failed"])

    settle(TRYON_PATIENCE_S="3600")
    room.container.start()
    assert room.drive("a")["status"] == "completed"
    one_result(room, "a")
    assert room.told() == ["tryon.completed"]
    control.redrive(other.job("b"))
    assert protocol.waited(other.job("b")) == 0
    assert other.drive("b")["status"] == "completed"
    one_result(other, "b")


def test_killed_in_the_middle_it_is_made_by_the_next_container(room: Room, settle: Settle) -> None:
    settle(TRYON_SYNC_S="1")
    asked = room.ask("a", seed=SLOW, mode="sync")
    assert asked.status == "processing"
    room.container.kill()
    while room.job("a")["status"] == "processing":
        time.sleep(0.05)
    assert (room.job("a")["status"], room.job("a")["attempt"]) == ("retrying", 0)
    room.container.start()
    assert room.drive("a")["status"] == "completed"
    one_result(room, "a")


def test_restarted_while_one_asks_the_call_goes_on(room: Room, settle: Settle) -> None:
    settle(TRYON_SYNC_S="1", VTO_PATIENCE_S="20")
    room.ask("a", seed=SLOW, mode="sync")
    room.container.kill()
    room.container.start()
    while room.job("a")["status"] == "processing":
        time.sleep(0.05)
    assert (room.job("a")["status"], room.job("a")["attempt"]) == ("completed", 1)
    one_result(room, "a")


def test_a_worker_that_dies_after_the_run_leaves_it_to_be_found(room: Room, settle: Settle) -> None:
    settle(JOB_LEASE_S="1", JOB_GRACE_S="0")
    room.ask("a", mode="queued")
    claimed = protocol.claim(room.job("a"), "a worker that dies")
    assert claimed is not None
    from shared.jobs.step import Task

    service.step().run(Task(claimed, lambda _: None))
    time.sleep(1.1)
    started = room.job("a")
    assert started["status"] == "processing" and room.used() == 1
    done = room.drive("a")
    assert (done["status"], done["attempt"]) == ("completed", 2)
    one_result(room, "a")


def test_hung_it_times_out_counts_and_is_not_paid_for(room: Room, settle: Settle) -> None:
    settle(JOB_MAX_ATTEMPTS="1")
    room.ask("a", mode="queued", seed=HANG)
    dead = room.drive("a")
    assert (dead["status"], dead["attempt"]) == ("dead", 1)
    failed = room.get("a")
    assert failed.error and (failed.error.code, failed.error.retryable) == ("engine_timeout", True)
    assert (room.used(), room.left()) == (0, [])
    assert room.ask("b", mode="sync").status == "completed"


def test_a_run_longer_than_we_wait_is_joined_by_the_next_attempt(room: Room, settle: Settle) -> None:
    settle(TRYON_RUN_S="1", JOB_MAX_ATTEMPTS="10")
    room.ask("a", mode="queued", seed=SLOW)
    done = room.drive("a")
    assert done["status"] == "completed" and done["attempt"] > 1
    one_result(room, "a")


def test_full_it_waits_its_turn(room: Room, settle: Settle) -> None:
    settle(TRYON_SYNC_S="0.4", JOB_MAX_ATTEMPTS="1", TRYON_STEPS="45")
    for id in ("a", "b"):
        assert room.ask(id, seed=SLOW, mode="sync").status == "processing"
    room.ask("c", seed=SLOW, mode="sync")
    error = eventually(lambda: room.job("c").get("lastError"), "the refusal")
    assert (error["code"], room.job("c")["attempt"]) == ("engine_busy", 0)
    eventually(lambda: all(room.job(id)["status"] != "processing" for id in ("a", "b")), "the end of both")
    assert room.drive("c")["status"] == "completed"
    assert (room.get("a").status, room.get("b").status, room.used()) == ("completed", "completed", 3)


def test_while_it_is_silent_jobs_wait_and_use_no_attempts_up(
    room: Room, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled to zero: what stands before it takes calls and holds them until it has started."""
    settle(JOB_MAX_ATTEMPTS="1", TRYON_RUN_S="0.2")
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as patch:
        # the house's client, which waits less long
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        impatient = vto.VtoClient(url, lambda: TOKEN, 0, slack_s=0.3)
        patch.setattr(vto, "client", lambda: impatient)
        room.ask("a", mode="queued")
        waiting = room.deliver("a")
        assert (waiting["status"], waiting["attempt"]) == ("retrying", 0)
        assert waiting["lastError"]["code"] == "engine_timeout"
    settle(TRYON_RUN_S="60")
    assert room.drive("a")["status"] == "completed"
    one_result(room, "a")


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
def test_nonsense_is_not_taken_for_a_result(room: Room, settle: Settle, status: int, body: bytes, kind: str) -> None:
    settle(JOB_MAX_ATTEMPTS="2")
    with talking(status, body, kind) as url:
        settle(VTO_URL=url)
        room.ask("a", mode="queued")
        after = room.deliver("a")
        assert (after["status"], after["lastError"]["retryable"]) == ("retrying", True)
        assert after["lastError"]["code"] in ("engine_bad_answer", "engine_unavailable")
    settle(VTO_URL=room.container.url)
    assert room.drive("a")["status"] == "completed"
    one_result(room, "a")


def health(room: Room) -> str:
    """What `health` says of the container when it is wrong."""
    found = probes.ask({"vto": probes.vto_container}, 5)["vto"]
    assert found.status == "failed" and found.note
    return found.note


WRONG = {
    "token": ({"VTO_TOKEN": "another" + TOKEN}, "refuses our token"),
    "address": ({"VTO_URL": "{url}/elsewhere"}, "refuses our token|not at this address"),
    "engine": ({"TRYON_ENGINES": '["gemini"]'}, "not set up for gemini"),
    "ourselves": ({"VTO_URL": ""}, ""),
}


@pytest.mark.parametrize(("wrong", "note"), WRONG.values(), ids=WRONG)
def test_what_is_set_up_wrongly_burns_no_job_and_is_seen(
    room: Room, settle: Settle, wrong: dict[str, str], note: str
) -> None:
    settle(JOB_MAX_ATTEMPTS="1", TRYON_ENGINES=wrong.get("TRYON_ENGINES", '["tiny"]'))
    id = "a"
    room.ask(id, mode="queued")
    settle(**{name: value.format(url=room.container.url) for name, value in wrong.items() if name != "TRYON_ENGINES"})
    for _ in range(2):
        waiting = room.deliver(id)
        assert (waiting["status"], waiting["attempt"]) == ("retrying", 0)
        assert waiting["lastError"]["code"] == "engine_refused" and waiting["lastError"]["retryable"]
    assert (room.used(), room.told()) == (1, [])
    if note:
        assert re.search(note, health(room))
    settle(VTO_TOKEN=TOKEN, VTO_URL=room.container.url)
    if "TRYON_ENGINES" in wrong:
        # the container is set up for it at last, which here is another engine
        store().patch("studio", f"tryon:{id}", room.id, set={"engine": "tiny"})
    assert room.drive(id)["status"] == "completed"
    one_result(room, id)


def test_an_engine_without_its_weights_makes_jobs_wait_not_for_ever(room: Room, settle: Settle) -> None:
    settle(JOB_MAX_ATTEMPTS="1")
    room.ask("a", mode="queued", engine="bare")
    waiting = room.deliver("a")
    assert (waiting["status"], waiting["attempt"], waiting["lastError"]["code"]) == ("retrying", 0, "engine_refused")
    assert health(room) == "it can't load bare"
    settle(TRYON_PATIENCE_S="0")
    assert room.drive("a")["status"] == "dead"
    failed = room.get("a")
    assert failed.error and (failed.error.code, failed.error.retryable, failed.error.billed) == (
        "engine_refused", True, False
    )  # fmt: skip
    assert (room.used(), "weights" in failed.error.message) == (0, False)


def test_a_container_of_another_version_uses_attempts_up(
    room: Room, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real one, asked for something that it does not know."""
    settle(JOB_MAX_ATTEMPTS="2")
    room.ask("a", mode="queued")
    with monkeypatch.context() as patch:
        patch.setattr(TryOnRequest, "fingerprint", property(lambda _: "0" * 64))
        patch.setattr(TryOnRequest, "model_dump_json", lambda self, **_: '{"newer": true}')
        waiting = room.deliver("a")
        assert (waiting["status"], waiting["attempt"]) == ("retrying", 1)
        assert waiting["lastError"]["code"] == "engine_mismatch"
        dead = room.deliver("a")
        assert dead["status"] == "dead"
    assert (room.used(), room.get("a").billed) == (0, False)
    control.redrive(room.job("a"))
    assert room.drive("a")["status"] == "completed"


@pytest.mark.parametrize("kind", errors.KINDS.values(), ids=errors.KINDS)
def test_every_code_says_whether_another_try_helps(kind: type[StudioError]) -> None:
    """What only other pictures can mend is 422 and final, everything else is worth another try; see the module."""
    assert kind("m").retryable is (kind.status != 422)
    assert kind.code.islower() and kind.status in (422, 429, 502, 503, 504)


def test_a_picture_that_is_none_is_made_again(room: Room, settle: Settle) -> None:
    """The report is there, the picture it names is not what it says."""
    from shared import blobs

    settle(JOB_MAX_ATTEMPTS="2", JOB_LEASE_S="1", JOB_GRACE_S="0")
    room.ask("a", mode="queued")
    claimed = protocol.claim(room.job("a"), "a worker that dies")
    assert claimed is not None
    from shared.jobs.step import Task

    made = service.step().run(Task(claimed, lambda _: None))
    assert made.result_item()["resultImageIds"]
    (image, *_) = [one.item for one in made.operations]  # pyright: ignore[reportAttributeAccessIssue]
    blobs.put(blobs.TRYON, image["blobs"]["original"]["name"], b"not a picture", content_type="image/png")
    time.sleep(1.1)
    failed = room.drive("a")
    assert failed["status"] == "dead" and failed["lastError"]["code"] == "engine_bad_answer"
    assert (room.used(), room.left()) == (0, [])
    assert store().find("studio", image["id"], room.id) is None
