"""`./studio COMMAND`: one entry, a file for each command. Only the named one is imported."""

from __future__ import annotations

import argparse
import signal
import sys
from importlib import import_module

COMMANDS = (
    "demo", "run", "logs", "test", "bench", "conformance", "admin", "doctor", "models", "replay", "vendor", "web",
    "clients",
)  # fmt: skip
"""In the order of the help, each the name of its module."""


def main() -> int:
    """Parse the command line and run the command; its exit status is 0 only when all is well."""
    parser = argparse.ArgumentParser(prog="./studio", description="AI Fashion Studio on one machine")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    own, passed_on = sys.argv[1:], list[str]()
    for name in own[:1] if own and own[0] in COMMANDS else COMMANDS:
        import_module(f"cli.{name}").add_parser(commands)
    if own[:1] == ["test"]:
        from cli.test import split

        own, passed_on = split(own)
    options = parser.parse_args(own, argparse.Namespace(arguments=passed_on))
    # A closed terminal and a polite kill end like ^C: everything that was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return options.handler(options)
    except KeyboardInterrupt:
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
