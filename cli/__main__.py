"""`./studio COMMAND`: one entry, a file for each command."""

from __future__ import annotations

import argparse
import signal
import sys

from cli import admin, bench, clients, conformance, demo, doctor, logs, models, replay, run, test, vendor, web


def main() -> int:
    """Parse the command line and run the command; its exit status is 0 only when all is well."""
    parser = argparse.ArgumentParser(prog="./studio", description="AI Fashion Studio on one machine")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (demo, run, logs, test, bench, conformance, admin, doctor, models, replay, vendor, web, clients):
        module.add_parser(commands)
    own, passed_on = test.split(sys.argv[1:])
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
