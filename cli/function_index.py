"""`python -m cli.function_index` writes `functions/index.json` from the blueprints of the steps.

With `--check` it writes nothing and fails if the file is out of date. A blueprint that can't be imported fails in both
cases.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from shared.function_index import INDEX, PARAMETERS, BlueprintApp, Entry, text

ROOT = Path(__file__).resolve().parents[1]


class FunctionIndexError(ValueError):
    """A function is declared in a way that the index can't hold; says which one and what to change."""


def modules() -> list[str]:
    """The blueprint modules of the app: `blueprint` of a step, or several, so that a call imports the models of few."""
    paths = sorted(ROOT.glob("functions/*/*blueprint.py"))
    return [f"functions.{path.parent.name}.{path.stem}" for path in paths]


def entries() -> list[Entry]:
    """The entries of all functions, by importing every blueprint. Raises `FunctionIndexError`."""
    return [entry for module in modules() for entry in _declared(module)]


def write() -> bool:
    """Write the index; returns whether it has changed. Raises `FunctionIndexError`."""
    content = text(entries())
    changed = not INDEX.exists() or INDEX.read_text() != content
    if changed:
        INDEX.write_text(content)
    return changed


def _declared(module: str) -> Iterator[Entry]:
    app = BlueprintApp()
    app.register_functions(import_module(module).bp)
    for function in app.get_functions():
        yield _entry(module, function)


def _entry(module: str, function: Any) -> Entry:
    name, trigger = str(function.get_function_name()), function.get_trigger()
    kind = str(trigger.type)
    wanted = PARAMETERS.get(kind)
    if wanted is None:
        raise FunctionIndexError(f"{name}: a {kind} is not in the index yet: add it to shared/function_index.py")
    parameters = _parameters(function.get_user_function())
    if parameters != wanted or trigger.name != wanted[0]:
        raise FunctionIndexError(
            f"{name}: a handler of a {kind} takes ({', '.join(wanted)}), not ({', '.join(parameters)})"
        )
    others = [b for b in function.get_bindings() if b is not trigger and (b.type, b.name) != ("http", "$return")]
    if others or function.get_setting("retry_policy"):
        raise FunctionIndexError(
            f"{name}: further bindings and retry policies are not in the index: use the SDKs and jobs"
        )
    bindings = function.get_raw_bindings() if kind == "httpTrigger" else ()
    return Entry(name, module, kind, _arguments(trigger), bindings)


def _parameters(handler: Callable[..., Any]) -> tuple[str, ...]:
    if inspect.iscoroutinefunction(handler):
        raise FunctionIndexError(f"{handler.__name__}: handlers are no coroutines: declare it with `def`")
    return tuple(inspect.signature(handler).parameters)


def _arguments(trigger: Any) -> dict[str, Any]:
    """The decorator's arguments, read back from the trigger that it made."""
    given = {
        name: getattr(trigger, name, None) for name in trigger.init_params if name not in ("self", "name", "kwargs")
    }
    return {name: _plain(value) for name, value in sorted(given.items()) if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return value


def main() -> int:
    """Write or check the index."""
    parser = argparse.ArgumentParser(prog="python -m cli.function_index", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the index is out of date")
    options = parser.parse_args()
    name = INDEX.relative_to(ROOT)
    try:
        if options.check:
            if not INDEX.exists() or INDEX.read_text() != text(entries()):
                print(f"studio: {name} is out of date: run python -m cli.function_index", file=sys.stderr)
                return 1
            print(f"{name}: up to date")
        else:
            print(f"{name}: {'written' if write() else 'up to date'}")
    except FunctionIndexError as error:
        print(f"studio: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
