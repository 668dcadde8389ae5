"""Wrong arguments of `./studio run` end in one line that says what is right."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli import __main__ as studio
from cli import run
from emulators.functions_host.settings import SettingsError, local_values


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./studio")
    run.add_parser(parser.add_subparsers())
    return parser.parse_args(["run", *arguments])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("--port", "70000", "from 1 to 65535"),
        ("--port", "80x", "from 1 to 65535"),
        ("--port", "7071.0", "from 1 to 65535"),
        ("--port", "", "from 1 to 65535"),
        ("--debug", "99999", "from 1 to 65535"),
        ("--data", "", "no name"),
        ("--data", "/dev/null", "no directory"),
        ("--data", "/dev/null/below", "no directory"),
        ("--data", "/proc/nothing/below", "no directory"),
        ("--data", "a\0b", "no directory"),
        ("--data", "x" * 300, "no directory"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([name, value])
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert ended.value.code == 2 and f"argument {name}" in said and words in said


def test_a_port_in_use_is_refused_for_the_debugger(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit):
        parse(["--debug", str(taken.getsockname()[1])])
    assert "choose another" in capsys.readouterr().err


def test_what_is_right_passes(tmp_path: Path) -> None:
    found = parse(["--port", "7071", "--data", str(tmp_path / "with a space" / "below")])
    assert (found.port, found.data.is_dir(), list(found.data.iterdir()), found.debug) == (7071, True, [], None)


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"', '{"Values": []}', '{"Values": "a"}', '{"IsEncrypted": true}'])
def test_a_broken_settings_file_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text(text)
    with pytest.raises(SettingsError) as refused:
        local_values(tmp_path)
    assert "local.settings.json" in str(refused.value)


@pytest.mark.parametrize(
    "command",
    ["demo", "run", "logs", "bench", "conformance", "admin", "doctor", "models", "replay", "vendor", "web", "clients"],
)
def test_every_command_explains_itself(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["./studio", command, "--help"])
    with pytest.raises(SystemExit) as ended:
        studio.main()
    assert ended.value.code == 0 and "usage: ./studio" in capsys.readouterr().out
