"""`./studio bench`: offers the benchmarks there are, runs one, and reports its figures and whether it passed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

import bench
from bench import cold
from cli import bench as command

SAMPLE = """
def main(quick: bool = False) -> dict[str, object]:
    return {"ok": not quick, "runs": 2 if quick else 10, "ms": {"p50": 1.23456, "p99": 12.0}}
"""


@pytest.fixture
def parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser:
    """The command line, with one more benchmark in the package and a module that is none."""
    (tmp_path / "sample_of_tests.py").write_text(SAMPLE)
    (tmp_path / "_helper_of_tests.py").write_text("")
    monkeypatch.setattr(bench, "__path__", [*bench.__path__, str(tmp_path)])
    made = argparse.ArgumentParser()
    command.add_parser(made.add_subparsers())
    return made


def run(parser: argparse.ArgumentParser, *arguments: str) -> int:
    options = parser.parse_args(["bench", *arguments])
    return options.handler(options)


def test_every_benchmark_is_offered_and_nothing_else(parser: argparse.ArgumentParser) -> None:
    offered = {path.stem for path in Path(bench.__file__).parent.glob("[!_]*.py")}
    assert set(command.names()) == offered | {"sample_of_tests"}
    for name in ("_helper_of_tests", "nothing"):
        with pytest.raises(SystemExit) as refused:
            parser.parse_args(["bench", name])
        assert refused.value.code == 2


def test_figures_are_json_or_a_table(parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parser, "sample_of_tests", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "runs": 10, "ms": {"p50": 1.23456, "p99": 12.0}}
    assert run(parser, "sample_of_tests") == 0
    assert capsys.readouterr().out.splitlines() == ["ok    True", "runs  10", "ms", "  p50  1.23", "  p99  12"]


def test_quick_runs_are_quick_and_a_failed_benchmark_ends_with_1(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(parser, "sample_of_tests", "--quick", "--json") == 1
    assert json.loads(capsys.readouterr().out)["runs"] == 2


def test_a_cold_start_is_compared_with_the_bare_start_beside_it() -> None:
    """Other work on the machine slows whole rounds, and hides what the app costs from medians of each side alone."""

    def started(ms: float) -> dict[str, float]:
        return {"cpu_ms": ms, "answered_ms": ms + 1, "indexed_ms": ms / 2, "modules": 400}

    slowed = [1, 3, 1, 2, 3, 1, 2]
    rounds = [cold.Round(bare=started(100 * by), ours=started(170 * by)) for by in slowed]
    # One of the two was disturbed.
    rounds += [cold.Round(bare=started(400), ours=started(170)), cold.Round(bare=started(100), ours=started(680))]
    found = cold.figures(rounds, goal=1.8)
    assert (found["cpu_ratio"], found["cpu_quartiles"], found["met"]) == (1.7, [1.7, 1.7], True)
    assert cold.figures(rounds, goal=1.6)["met"] is False
