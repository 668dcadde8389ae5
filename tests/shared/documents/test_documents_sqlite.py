"""SQLite's own promises: processes, threads, restarts, crashes, the change feed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shared.documents import Create, DocumentStore, Patch, Where
from shared.documents.sqlite import SqliteStore
from shared.documents.values import InvalidOperation
from shared.errors import BatchFailed, Unavailable

ROOT = Path(__file__).parents[3]
USER = "user"


@contextmanager
def worker(path: Path, *command: str) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("sqlite_worker.py")), str(path), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def race(path: Path, commands: list[list[str]]) -> list[str]:
    """Release the processes together; returns what each printed."""
    with ExitStack() as stack:
        processes = [stack.enter_context(worker(path, *command)) for command in commands]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate()[0].strip() for process in processes]
        assert all(process.returncode == 0 for process in processes)
        return outputs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "documents.db"


@pytest.fixture
def local(path: Path) -> Generator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


def test_what_could_not_be_read_again_is_not_written(local: SqliteStore) -> None:
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"in": deep}
    with pytest.raises(InvalidOperation, match="nested too deep"):
        local.create("studio", {"id": "deep", "userId": USER, **deep})
    assert local.find("studio", "deep", USER) is None


@pytest.mark.processes
def test_eight_processes_lose_no_increment(path: Path, local: SqliteStore) -> None:
    local.create("studio", {"id": "counter", "userId": USER, "patched": 0, "replaced": 0})
    assert race(path, [["increment", "25"]] * 8) == ["done"] * 8
    counter = local.read("studio", "counter", USER)
    assert (counter["patched"], counter["replaced"]) == (200, 200)


@pytest.mark.processes
def test_one_process_wins_a_claim(path: Path, local: SqliteStore) -> None:
    local.create("studio", {"id": "job", "userId": USER})
    outcomes = race(path, [["claim", str(n)] for n in range(6)])
    assert sorted(outcomes) == ["lost"] * 5 + ["won"]
    assert local.read("studio", "job", USER)["owner"] == str(outcomes.index("won"))


@pytest.mark.processes
def test_fifty_reservations_of_a_quota_of_ten(path: Path, local: SqliteStore) -> None:
    local.create("studio", {"id": "quota", "userId": USER, "used": 0})
    shares = ["13", "13", "12", "12"]
    outcomes = race(path, [["reserve", str(n), share] for n, share in enumerate(shares)])
    assert sum(int(outcome) for outcome in outcomes) == 10
    assert local.read("studio", "quota", USER)["used"] == 10
    assert local.count("studio", Where("type", "=", "conversion"), partition=USER) == 10


@pytest.mark.processes
def test_a_killed_writer_leaves_a_sound_file(path: Path) -> None:
    store = SqliteStore(path)
    store.create("studio", {"id": "counter", "userId": USER, "n": 0})
    store.close()
    for kill_after in (40, 17):
        with worker(path, "pairs") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            reported = [process.stdout.readline() for _ in range(kill_after)]
            process.kill()
            process.wait()
            reported += process.stdout.readlines()
        store = SqliteStore(path)
        n = store.read("studio", "counter", USER)["n"]
        assert n - int(reported[-1]) in (1, 2), "what was committed is there; one more may not have been reported"
        for side in ("left", "right"):
            ids = [f"{side}-{k:06}" for k in range(n)]
            assert store.count("studio", Where("id", ">", side), Where("id", "<", side + "~")) == n
            assert store.count("studio", Where("id", "in", ids)) == n
        store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_restart_keeps_everything(path: Path) -> None:
    store = SqliteStore(path)
    made = store.create("studio", {"id": "a", "userId": USER, "n": 1})
    lsn = store.changes("studio")[-1]["_lsn"]
    store.delete("studio", "a", USER)
    again = store.create("studio", {"id": "a", "userId": USER, "n": 2})
    store.close()
    store = SqliteStore(path)
    assert again.etag != made.etag
    assert store.read("studio", "a", USER) == again
    assert [item["n"] for item in store.changes("studio", lsn)] == [2]
    store.close()


def test_threads_share_a_store(local: DocumentStore) -> None:
    local.create("studio", {"id": "a", "userId": USER, "n": 0})
    threads = [
        threading.Thread(target=lambda: [local.patch("studio", "a", USER, incr={"n": 1}) for _ in range(20)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert local.read("studio", "a", USER)["n"] == 160


def test_changes_are_the_latest_versions_in_order(local: SqliteStore) -> None:
    for id in ("a", "b", "c"):
        local.create("studio", {"id": id, "userId": USER, "n": 1})
    first = local.changes("studio", limit=2)
    assert [item["id"] for item in first] == ["a", "b"]
    local.patch("studio", "a", USER, incr={"n": 1})
    local.delete("studio", "b", USER)
    with pytest.raises(BatchFailed):
        local.batch("studio", USER, [Create({"id": "d", "userId": USER}), Patch("missing", set={"n": 1})])
    rest = local.changes("studio", first[-1]["_lsn"])
    assert [(item["id"], item["n"]) for item in rest] == [("c", 1), ("a", 2)]
    assert local.changes("studio", rest[-1]["_lsn"]) == []
    # The number of a deleted last item is not given out again.
    local.delete("studio", "a", USER)
    local.create("studio", {"id": "e", "userId": USER})
    assert [item["id"] for item in local.changes("studio", rest[-1]["_lsn"])] == ["e"]


def test_expiry_by_the_clock_of_the_store(path: Path) -> None:
    now = 1000.0
    store = SqliteStore(path, clock=lambda: now)
    store.create("studio", {"id": "a", "userId": USER, "ttl": 10})
    store.create("idempotency", {"id": "k"})
    now = 1009.9
    store.patch("studio", "a", USER, set={"n": 1})
    now = 1019.8
    assert store.find("studio", "a", USER) is not None
    now = 1020.0
    assert store.find("studio", "a", USER) is None
    assert store.changes("studio") == []
    store.upsert("studio", {"id": "b", "userId": USER})
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT id FROM documents_studio").fetchall() == [("b",)]
    connection.close()
    now += 24 * 3600
    assert store.count("idempotency") == 0
    store.close()


@pytest.mark.processes
def test_a_fork_opens_a_connection_of_its_own(path: Path, local: SqliteStore) -> None:
    local.create("studio", {"id": "a", "userId": USER, "n": 0})
    assert race(path, [["fork"]]) == ["0"]
    assert local.read("studio", "a", USER)["n"] == 2


def test_queries_use_indexes(path: Path, local: SqliteStore) -> None:
    from shared.documents import CONTAINERS, sqlite_sql

    statement, parameters = sqlite_sql.page(
        CONTAINERS["studio"],
        [Where("type", "=", "job"), Where("status", "in", ["QUEUED", "RUNNING"])],
        0,
        None,
        "updatedAt",
        False,
        10,
        None,
    )
    connection = sqlite3.connect(path)
    plan = str(connection.execute("EXPLAIN QUERY PLAN " + statement, parameters).fetchall())
    purge = sqlite_sql.purge(CONTAINERS["studio"])
    plan_of_purge = str(connection.execute("EXPLAIN QUERY PLAN " + purge, (0,)).fetchall())
    anywhere = [Where("type", "=", "file"), Where("status", "=", "ready"), Where("id", "=", "file:a")]
    statement, parameters = sqlite_sql.page(CONTAINERS["studio"], anywhere, 0, None, None, False, 10, None)
    plan_of_id = str(connection.execute("EXPLAIN QUERY PLAN " + statement, parameters).fetchall())
    many = "EXPLAIN QUERY PLAN " + sqlite_sql.point_reads(CONTAINERS["studio"])
    plan_of_many = str(connection.execute(many, ('[["a","user"]]', 0)).fetchall())
    connection.close()
    assert "studio_id (id=?)" in plan_of_id
    assert "(partition=? AND id=?)" in plan_of_many
    assert "studio_type_status" in plan
    assert "studio_expires" in plan_of_purge


def test_a_locked_store_is_unavailable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.documents.sqlite_file.BUSY_SECONDS", 0.05)
    store = SqliteStore(path)
    store.create("studio", {"id": "a", "userId": USER})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as refused:
        store.patch("studio", "a", USER, set={"n": 1})
    assert refused.value.retryable
    assert store.read("studio", "a", USER)["id"] == "a"
    other.execute("ROLLBACK")
    other.close()
    assert store.patch("studio", "a", USER, set={"n": 1})["n"] == 1
    store.close()
