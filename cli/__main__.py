"""`./studio COMMAND`: one entry, a file for each command."""

from __future__ import annotations

import argparse
import sys

from cli import admin, bench, demo, run, test


def main() -> int:
    """Parse the command line and run the command; its exit status is 0 only when all is well."""
    parser = argparse.ArgumentParser(prog="./studio", description="AI Fashion Studio on one machine")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (demo, run, test, bench, admin):
        module.add_parser(commands)
    options = parser.parse_args()
    try:
        return options.handler(options)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
