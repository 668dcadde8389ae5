"""`./studio bench NAME`: measures, side by side in one run, and prints a table or JSON."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import bench

OPTIONS: Mapping[str, tuple[type, str]] = {
    "documents": (str, "document store, sqlite or cosmos"),
    "data": (Path, "folder of the photos"),
    "minutes": (float, "minutes at 70 percent of the knee"),
    "exchanges": (int, "number of results to write as sheets"),
    "out": (Path, "folder of the sheets, outside the repository"),
    "seed": (int, "which exchanges are drawn"),
    "split": (str, "photos of the exchanges, val or train"),
}


def names() -> list[str]:
    """The benches there are: modules of `bench/` without a leading underscore."""
    return sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("bench", help="measure one part: " + ", ".join(names()))
    parser.add_argument("name", choices=names())
    parser.add_argument("--quick", action="store_true", help="fewer and smaller runs, where a bench has them")
    for name, (kind, text) in OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, help=text + ", where a bench has it")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Run `bench.NAME.main() -> dict`; 0 unless its `ok` is false."""
    main = importlib.import_module(f"bench.{options.name}").main
    accepted = inspect.signature(main).parameters
    chosen = {name: getattr(options, name) for name in ("quick", *OPTIONS) if getattr(options, name)}
    figures = main(**{name: value for name, value in chosen.items() if name in accepted})
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)
    return 0 if figures.get("ok", True) else 1


def show(figures: dict[str, Any], indent: str = "") -> None:
    """Print nested figures as aligned lines."""
    width = max((len(name) for name in figures), default=0)
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(cast("dict[str, Any]", value), indent + "  ")
        else:
            text = f"{value:.3g}" if isinstance(value, float) else value
            print(f"{indent}{name:<{width}}  {text}")
