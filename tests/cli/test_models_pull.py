"""Weights from the hub: pinned, resumed, checked; one line of error when they are unavailable."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_hub import Hub, serving

from cli.models_pull import DWPOSE, FASHN, SETS, PullError, Weights, pull
from vto_container.engines import fashn as engine

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
REPO, COMMIT = "someone/weights", "0123456789abcdef0123456789abcdef01234567"
DATA = bytes(range(256)) * 100_000


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving() as found:
        found.files[(REPO, COMMIT, "deep/model.bin")] = DATA
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.setenv("HF_TOKEN", "")
        yield found


def wanted(data: bytes = DATA, file: str = "deep/model.bin") -> Weights:
    return Weights(REPO, COMMIT, file, "here/model.bin", hashlib.sha256(data).hexdigest(), len(data), "Apache-2.0")


def resolved(hub: Hub) -> list[str]:
    return [path for path in hub.paths if "/resolve/" in path]


def storage(hub: Hub) -> list[str]:
    return [path for path in hub.paths if path.startswith("/storage/")]


def test_a_file_is_fetched_at_its_commit_and_then_kept(hub: Hub, tmp_path: Path) -> None:
    (first,) = pull([wanted()], tmp_path, quiet=True)
    assert (tmp_path / "here/model.bin").read_bytes() == DATA
    assert first["fetched"] and first["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert resolved(hub) == [f"/{REPO}/resolve/{COMMIT}/deep/model.bin"]
    asked = len(hub.paths)
    (again,) = pull([wanted()], tmp_path, quiet=True)
    assert not again["fetched"]
    assert len(hub.paths) == asked, "what lies there as pinned needs no hub"


def test_a_broken_line_is_resumed_in_the_same_run(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after, hub.cuts = 12_000_000, 1
    pull([wanted()], tmp_path, quiet=True)
    assert (tmp_path / "here/model.bin").read_bytes() == DATA
    assert hub.ranges == [None, "bytes=10485760-"], "whole pieces of 10 MiB are kept"


def test_the_next_run_goes_on_where_the_last_one_was_killed(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/model.bin.part").write_bytes(DATA[:700_000])
    pull([wanted()], tmp_path, quiet=True)
    assert hub.ranges == ["bytes=700000-"]
    assert (tmp_path / "here/model.bin").read_bytes() == DATA
    assert not (tmp_path / "here/model.bin.part").exists()


def test_damaged_bytes_never_take_the_files_name(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/model.bin.part").write_bytes(b"\0" * 700_000)
    with pytest.raises(PullError, match="damaged"):
        pull([wanted()], tmp_path, quiet=True)
    assert list((tmp_path / "here").iterdir()) == []
    (tmp_path / "here/model.bin").write_bytes(DATA[:-1] + b"?")
    assert pull([wanted()], tmp_path, quiet=True)[0]["fetched"], "a changed file is replaced"
    assert (tmp_path / "here/model.bin").read_bytes() == DATA


def test_another_file_under_the_pinned_commit_is_refused_before_it_is_fetched(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(PullError, match=r"another deep/model\.bin than the pinned one"):
        pull([wanted(DATA[::-1])], tmp_path, quiet=True)
    with pytest.raises(PullError, match="bytes, found"):
        pull([wanted(DATA + b"!")], tmp_path, quiet=True)
    assert not storage(hub)


def test_a_hub_that_lies_about_its_bytes_is_found_out(hub: Hub, tmp_path: Path) -> None:
    other = DATA[:-1] + b"?"
    hub.lies["deep/model.bin"] = hashlib.sha256(other).hexdigest()
    with pytest.raises(PullError, match="damaged"):
        pull([wanted(other)], tmp_path, quiet=True)
    assert not (tmp_path / "here/model.bin").exists()


def test_what_the_hub_lacks_is_named(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(PullError, match=r"no other.bin in someone/weights@0123456 \(HTTP 404\)"):
        pull([wanted(file="other.bin")], tmp_path, quiet=True)


def test_without_a_hub_it_says_so_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = models_pull_fashn(f"http://127.0.0.1:{unused.getsockname()[1]}", tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "the hub can't be reached for model.safetensors of fashn-ai/fashn-vton-1.5@7720683" in line
    assert "run the command again" in line


def test_the_command_asks_for_fashn_at_its_pinned_commit_and_takes_nothing_else(hub: Hub, tmp_path: Path) -> None:
    hub.files[(*FASHN, "model.safetensors")] = b"not the weights"
    done = models_pull_fashn(hub.url, tmp_path, "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert not answer["ok"] and "than the pinned one" in answer["error"]
    assert resolved(hub) == [f"/{FASHN[0]}/resolve/{FASHN[1]}/model.safetensors"]


def test_the_set_holds_what_the_engine_needs_and_no_human_parser() -> None:
    assert [weights.to for weights in SETS["fashn"]] == [
        "model.safetensors", "dwpose/yolox_l.onnx", "dwpose/dw-ll_ucoco_384.onnx"
    ]  # fmt: skip
    assert {weights.to: weights.sha256 for weights in SETS["fashn"]} == engine.SHA256
    assert {(weights.repo, weights.revision) for weights in SETS["fashn"]} == {FASHN, DWPOSE}
    assert all(len(weights.revision) == 40 and weights.licence == "Apache-2.0" for weights in SETS["fashn"])


def models_pull_fashn(endpoint: str, to: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from cli.__main__ import main; raise SystemExit(main())"
    command = [sys.executable, "-c", code, "models", "pull", "fashn", "--to", str(to), *arguments]
    environment = {**os.environ, "HF_ENDPOINT": endpoint}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
