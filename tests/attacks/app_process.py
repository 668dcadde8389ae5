"""A process of the app without a host: calls the functions that each line of JSON on its input asks for.

A line holds `calls`: objects with the `name` of a function, and the arguments of `http_calls.App`; they are made
together, one thread each. What came back is printed as one line of JSON, in their order.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import Any

from http_calls import App

from shared import function_index


@cache
def app(name: str) -> App:
    """The app of the blueprint that has this function."""
    module = next(entry.module for entry in function_index.read() if entry.name == name)
    return App(import_module(module).bp)


def make(call: dict[str, Any]) -> dict[str, Any]:
    name = call.pop("name")
    answer = app(name)(name, call.pop("body", None), **call)
    return {"status": answer.status, "body": json.loads(answer.raw) if answer.raw else None}


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        calls = json.loads(line)["calls"]
        for call in calls:
            app(call["name"])
        with ThreadPoolExecutor(len(calls)) as pool:
            print(json.dumps(list(pool.map(make, calls))), flush=True)


if __name__ == "__main__":
    main()
