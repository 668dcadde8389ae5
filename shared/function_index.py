"""The index of the app's functions: registers each, and imports its package when it is first called.

`functions/index.json` is written from the blueprints by `python -m cli.function_index`; a test compares the two. So
indexing the app imports no package, no model and no library of a step (decision 25).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import azure.functions as func

INDEX: Final = Path(__file__).resolve().parents[1] / "functions" / "index.json"

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "httpTrigger": ("req", "context"),
    "queueTrigger": ("message",),
    "timerTrigger": ("timer",),
    "blobTrigger": ("blob",),
}
"""The parameters that a handler of each trigger must have; the first one is the binding's name."""


@dataclass(frozen=True)
class Entry:
    """One function.

    Args:
        name: of the function.
        module: the blueprint that declares it; its `bp` has the handler.
        trigger: type of the trigger, a key of `PARAMETERS`.
        arguments: of the trigger's decorator, beside the binding's name.
    """

    name: str
    module: str
    trigger: str
    arguments: Mapping[str, Any]


def read() -> list[Entry]:
    """The entries of the index. Raises OSError or ValueError if it is missing or no index."""
    return [Entry(**entry) for entry in json.loads(INDEX.read_bytes())]


def text(entries: Iterable[Entry]) -> str:
    """The content of the index: JSON, an entry a line."""
    lines = ",\n".join(json.dumps(asdict(entry)) for entry in entries)
    return f"[\n{lines}\n]\n"


def register(app: func.FunctionApp) -> None:
    """Register every function of the index on the app."""
    for entry in read():
        _REGISTER[entry.trigger](app, entry)


def load_all() -> None:
    """Import every blueprint: all routes are then declared in `shared.http.routes`."""
    for module in dict.fromkeys(entry.module for entry in read()):
        import_module(module)


@cache
def handlers(module: str) -> Mapping[str, Callable[..., Any]]:
    """The handlers that a blueprint declares, by the names of their functions."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.register_functions(import_module(module).bp)
    return {str(function.get_function_name()): function.get_user_function() for function in app.get_functions()}


# The worker reads the annotations of the handlers below, to convert the trigger's data to these types. They are no
# strings (no `from __future__ import annotations`), because evaluating hundreds of them slows every cold start.
def _http(app: func.FunctionApp, entry: Entry) -> None:
    def handle(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return handlers(entry.module)[entry.name](req, context)

    app.function_name(entry.name)(app.route(**entry.arguments)(handle))


def _queue(app: func.FunctionApp, entry: Entry) -> None:
    def handle(message: func.QueueMessage) -> None:
        handlers(entry.module)[entry.name](message)

    app.function_name(entry.name)(app.queue_trigger("message", **entry.arguments)(handle))


def _timer(app: func.FunctionApp, entry: Entry) -> None:
    def handle(timer: func.TimerRequest) -> None:
        handlers(entry.module)[entry.name](timer)

    app.function_name(entry.name)(app.timer_trigger("timer", **entry.arguments)(handle))


def _blob(app: func.FunctionApp, entry: Entry) -> None:
    def handle(blob: func.InputStream) -> None:
        handlers(entry.module)[entry.name](blob)

    arguments: dict[str, Any] = {**entry.arguments}
    source = func.BlobSource(arguments.pop("source", func.BlobSource.LOGS_AND_CONTAINER_SCAN))
    app.function_name(entry.name)(app.blob_trigger("blob", source=source, **arguments)(handle))


_REGISTER: Final[Mapping[str, Callable[[func.FunctionApp, Entry], None]]] = {
    "httpTrigger": _http,
    "queueTrigger": _queue,
    "timerTrigger": _timer,
    "blobTrigger": _blob,
}
