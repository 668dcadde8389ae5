"""Decoder processes that die, hang, age and are many."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from image_samples import encode, noise, photo
from quick import eventually

from shared.errors import ConfigurationError, StudioError, Unavailable
from shared.images import sanitizer, sanitizer_pool
from shared.images.sanitizer_pool import Child, ChildCrashed, ChildTimedOut, Pool

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
SMALL = encode(photo(), "PNG")
SLOW = encode(noise(3_000, 3_000), "JPEG", quality=60)


def request(**changes: object) -> dict[str, object]:
    return {
        "source": "PNG",
        "min_side": 16,
        "max_side": 12_000,
        "max_pixels": 40_000_000,
        "alpha": "white",
        "quality": 90,
        "timeout": 20,
        "original": True,
        "copies": [],
    } | changes


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child()
    yield child
    child.close()


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


@pytest.mark.parametrize(
    ("fatal", "expected"),
    [
        (signal.SIGKILL, Unavailable),
        (signal.SIGTERM, Unavailable),
        (signal.SIGSEGV, ChildCrashed),
        (signal.SIGABRT, ChildCrashed),
        (signal.SIGXCPU, ChildTimedOut),
    ],
)
def test_killed_in_the_middle(child: Child, fatal: signal.Signals, expected: type[Exception]) -> None:
    child.process.send_signal(signal.SIGSTOP)
    threading.Timer(0.1, lambda: (child.process.send_signal(fatal), child.process.send_signal(signal.SIGCONT))).start()
    with pytest.raises(expected):
        child.ask(request(), SMALL, 30)
    assert not child.usable


def test_hung_child_is_killed(child: Child) -> None:
    child.process.send_signal(signal.SIGSTOP)
    with pytest.raises(ChildTimedOut):
        child.ask(request(), SMALL, 0.2)
    assert child.process.poll() is not None


def test_hung_child_is_killed_while_it_does_not_read(child: Child) -> None:
    child.process.send_signal(signal.SIGSTOP)
    with pytest.raises(ChildTimedOut):
        child.ask(request(), bytes(8_000_000), 0.2)


def test_the_next_image_works() -> None:
    sanitizer.sanitize(SMALL)
    for idle in sanitizer_pool.pool()._idle:
        idle.process.kill()
        idle.process.wait()
    assert sanitizer.sanitize(SMALL).width == 96
    with pytest.raises(StudioError) as caught:
        sanitizer.sanitize(SLOW, policy=sanitizer.ImagePolicy(seconds=0.01))
    assert (caught.value.code, caught.value.status) == ("timeout", 422)
    assert sanitizer.sanitize(SMALL).width == 96


def test_garbage_for_an_answer() -> None:
    for said in ("print('hello', flush=True); import time; time.sleep(60)", "pass", "import sys; sys.exit(3)"):
        with pytest.raises(ConfigurationError):
            Child(("-c", said))


def test_cpu_time_is_limited(child: Child) -> None:
    limit = Path(f"/proc/{child.process.pid}/limits")
    child.ask(request(), SMALL, 20)
    if not limit.exists():
        pytest.skip("limits are read from /proc")
    limits = {line[:26].strip(): line[26:].split()[0] for line in limit.read_text().splitlines()}
    assert limits["Max address space"] == str(2 << 30)
    assert limits["Max core file size"] == limits["Max file size"] == "0"
    assert 10 <= int(limits["Max cpu time"]) <= 13


def test_secrets_stay_with_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Storage", "AccountKey=SECRET")
    child = Child()
    environment = Path(f"/proc/{child.process.pid}/environ")
    try:
        assert not environment.exists() or b"SECRET" not in environment.read_bytes()
    finally:
        child.close()


def test_children_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitizer_pool, "IMAGES_PER_CHILD", 3)
    pool = Pool(1)
    pids = set[int]()
    for _ in range(7):
        pool.run(request(), SMALL, 20)
        pids |= {child.process.pid for child in pool._idle}
    assert len(pids) == 3
    pool.close()


def test_threads_share_few_children() -> None:
    pool = Pool(2)
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: pool.run(request(), SMALL, 20), range(60)))
    assert all(answer["images"][0]["width"] == 96 for answer, _ in answers)
    assert 1 <= len(pool._idle) <= 2
    pool.close()
    assert not pool._idle


def test_a_busy_pool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitizer_pool, "QUEUE_SECONDS", 0.05)
    pool = Pool(1)
    assert pool._places.take()
    with pytest.raises(Unavailable) as caught:
        pool.run(request(), SMALL, 20)
    assert caught.value.retryable
    pool._places.give_back()
    assert pool.run(request(), SMALL, 20)[0]["images"]
    pool.close()


@pytest.mark.parametrize("fatal", [signal.SIGTERM, signal.SIGKILL])
def test_children_die_with_their_parent(fatal: signal.Signals) -> None:
    code = (
        "import sys, time; from shared.images import sanitizer_pool;"
        "child = sanitizer_pool.Child(); print(child.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    with parent, parent.stdout:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(fatal)
    eventually(lambda: not alive(pid))


def test_children_end_with_the_interpreter() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/shared/images'); from image_samples import encode, photo;"
        "from shared.images import sanitizer, sanitizer_pool; sanitizer.sanitize(encode(photo(), 'PNG'));"
        "print(sanitizer_pool.pool()._idle[0].process.pid)"
    )
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    eventually(lambda: not alive(int(said.stdout)))
    assert said.stderr == ""
