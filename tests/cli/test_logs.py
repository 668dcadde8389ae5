"""`./studio logs`: entries of both logs as readable lines, one request by its id, tracebacks with their entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import logs

STAMP = "[2026-11-29 01:02:03,456]"


def entry(level: str, **facts: object) -> str:
    return f"{STAMP} {level} studio: {json.dumps(facts)}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "functions.log"
    file.write_text(
        entry("INFO", event="http", requestId="01abcdef", route="get_job", status=200, ms=3.5)
        + f"{STAMP} INFO Host.Results: Executed 'Functions.get_job' (Succeeded, Id=1, Duration=3ms)\n"
        + entry("ERROR", event="job.crashed", requestId="01zzzzzz", jobId="job:7", traceback="Traceback\nKeyError: 1")
        + f"{STAMP} ERROR Host.Results: Executed 'Functions.x' (Failed, Id=2, Duration=3ms)\nTraceback\n  File\n"
        + entry("INFO", event="http", requestId="01abcdef", status=503, ms=1)
    )
    return file


def shown(log: Path, **options: bool) -> list[str]:
    errors = options.get("errors", False)
    return [
        logs.formatted(line).plain for line in logs.Reader(log).read() if logs.is_worth_showing(line, errors=errors)
    ]


def test_lines_are_readable_and_ids_come_last(log: Path) -> None:
    lines = shown(log)
    assert lines[0] == "01:02:03.456 info    http             route=get_job status=200 ms=3.5 request=01abcdef"
    assert len(lines) == 4, "that a function ran is said once"
    assert lines[1].endswith("request=01zzzzzz job=7\nTraceback\nKeyError: 1")
    assert lines[2].endswith("Traceback\n  File")


def test_errors_are_what_failed(log: Path) -> None:
    assert ["job.crashed" in line or "Failed" in line or "503" in line for line in shown(log, errors=True)] == [
        True
    ] * 3


@pytest.mark.parametrize(("id", "count"), [("01abcdef", 2), ("01abc", 2), ("job:7", 1), ("abcdef", 2), ("nothing", 0)])
def test_an_id_finds_the_lines_of_its_request(log: Path, id: str, count: int) -> None:
    assert sum(line.concerns(id) for line in logs.Reader(log).read()) == count


def test_what_is_written_later_is_read_later(log: Path) -> None:
    reader = logs.Reader(log)
    assert len(list(reader.read())) == 5
    with log.open("a") as file:
        file.write(entry("INFO", event="half")[:-1])
        file.flush()
        assert not list(reader.read()), "a line is read once it is complete"
        file.write("\n")
        file.flush()
        assert [line.text for line in reader.read()] == ["half"]


@pytest.mark.parametrize("status", ["failed", "completed", "", None, [], {"code": 1}, 200, 12.5])
def test_a_status_of_any_form_ends_no_display(log: Path, status: object) -> None:
    log.write_text(entry("INFO", event="training.ended", status=status))
    assert shown(log, errors=True) == []
    assert len(shown(log)) == 1
