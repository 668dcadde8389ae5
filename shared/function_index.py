"""The index of the app's functions: registers each, and imports its package when it is first called.

`functions/index.json` is written from the blueprints by `python -m cli.function_index`; a test compares the two. So
indexing the app imports no package, no model and no library of a step (decision 25).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cache
from importlib import import_module
from inspect import currentframe, signature
from pathlib import Path
from typing import Any, Final, NamedTuple

import azure.functions as func
from azure.functions.decorators.core import Binding
from azure.functions.decorators.function_app import Function, FunctionBuilder
from azure.functions.decorators.http import HttpOutput, HttpTrigger

from shared import startup
from shared.blob_reference import BlobReference

INDEX: Final = Path(__file__).resolve().parents[1] / "functions" / "index.json"

LOGGING: Final = "index_functions"
"""Function of the worker that logs what it has registered."""

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "httpTrigger": ("req", "context"),
    "queueTrigger": ("message",),
    "timerTrigger": ("timer",),
    "blobTrigger": ("blob",),
}
"""The parameters that a handler of each trigger must have; the first one is the binding's name."""


class Entry(NamedTuple):
    """One function.

    Args:
        name: of the function.
        module: the blueprint that declares it; its `bp` has the handler.
        trigger: type of the trigger, a key of `PARAMETERS`.
        arguments: of the trigger's decorator, beside the binding's name.
        bindings: what the host reads of an HTTP function: its trigger and its output, each as JSON.
    """

    name: str
    module: str
    trigger: str
    arguments: Mapping[str, Any]
    bindings: Sequence[str] = ()


def read() -> list[Entry]:
    """The entries of the index. Raises OSError or ValueError if it is missing or no index."""
    return [Entry(**entry) for entry in json.loads(INDEX.read_bytes())]


def text(entries: Iterable[Entry]) -> str:
    """The content of the index: JSON, an entry a line."""
    lines = ",\n".join(json.dumps(entry._asdict()) for entry in entries)
    return f"[\n{lines}\n]\n"


def register(app: func.FunctionApp) -> None:
    """Register every function of the index on the app."""
    found = _Functions()
    for entry in read():
        _REGISTER[entry.trigger](found, entry)
    app.register_functions(found)


class _HttpArguments(NamedTuple):
    """The arguments of an HTTP trigger."""

    auth_level: str
    methods: Sequence[str]
    route: str


class _HttpFunction(Function):
    """A function whose bindings are known as JSON: the host reads all of them before the first answer.

    For its log of the start the worker writes the bindings of all functions so far, once for each function: with 145
    functions that is 23 % of what a bare app takes until its first answer. So a function that the worker has registered
    shows its log no bindings. Another caller, and another order of the calls, gets them as ever.
    """

    def __init__(self, handler: Callable[..., func.HttpResponse], script_file: str, bindings: Sequence[str]) -> None:
        super().__init__(handler, script_file)
        self._raw_bindings = list(bindings)
        self._registered = False

    def get_raw_bindings(self) -> list[str]:
        """The bindings as the index has them; the last thing that the worker asks for to register a function."""
        self._registered = True
        return self._raw_bindings

    def get_bindings(self) -> list[Binding]:
        """The bindings."""
        if self._registered and (frame := currentframe()) and frame.f_back and frame.f_back.f_code.co_name == LOGGING:
            return []
        return super().get_bindings()


class _Builder(FunctionBuilder):
    # The base makes a `Function` of its own.
    def __init__(self, function: Function) -> None:
        self._function = function


class _Functions(func.Blueprint):
    """Adds HTTP functions as `route` and `function_name` do, with a small part of the work.

    Most functions are called by HTTP, and every cold process adds all of them before its first answer. The library
    reads the signature of a constructor for each trigger, so triggers are copies of one.
    """

    trigger: Final = HttpTrigger("req", methods=[], auth_level=func.AuthLevel.ANONYMOUS, route="")
    output: Final = HttpOutput("$return")
    """The same for every function."""

    def add_http(self, handler: Callable[..., func.HttpResponse], entry: Entry) -> None:
        """A function named as its handler."""
        arguments, trigger = _HttpArguments(**entry.arguments), copy(self.trigger)
        trigger.methods = [func.HttpMethod[method] for method in arguments.methods]
        trigger.auth_level = func.AuthLevel[arguments.auth_level]
        trigger.route = arguments.route
        function = _HttpFunction(handler, self._app_script_file, entry.bindings)
        function.add_trigger(trigger)
        function.add_binding(self.output)
        self._function_builders.append(_Builder(function))


def load_all() -> None:
    """Import every blueprint: all routes are then declared in `shared.http.routes`."""
    for module in dict.fromkeys(entry.module for entry in read()):
        import_module(module)


class BlueprintApp(func.FunctionApp):
    """An app of one blueprint, to read its functions; without the warning for apps that have none for HTTP."""

    def __init__(self) -> None:
        super().__init__(http_auth_level=func.AuthLevel.ANONYMOUS)
        self._require_auth_level = True


@cache
def handlers(module: str) -> Mapping[str, Callable[..., Any]]:
    """The handlers that a blueprint declares, by the names of their functions.

    Looking for garbage, which `function_app.py` puts off, begins after the first import.
    """
    app = BlueprintApp()
    with startup.importing("blueprint"):
        app.register_functions(import_module(module).bp)
    return {str(function.get_function_name()): function.get_user_function() for function in app.get_functions()}


def _run(entry: Entry, argument: Any) -> None:
    startup.refuse_unusable()
    try:
        handlers(entry.module)[entry.name](argument)
    finally:
        startup.check_soon()


def _signature(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...


_SIGNATURE: Final = signature(_signature)
"""Of every HTTP handler; the worker would work it out for each. It needs no types of them either: requests and
responses are known by their binding."""


# The worker reads the annotations of the handlers below, to convert the trigger's data to these types. They are no
# strings (no `from __future__ import annotations`), because evaluating hundreds of them slows every cold start.
def _http(app: _Functions, entry: Entry) -> None:
    def handle(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        try:
            return handlers(entry.module)[entry.name](req, context)
        finally:
            startup.check_soon()

    handle.__name__ = entry.name
    vars(handle).update(__signature__=_SIGNATURE, __no_type_check__=True)
    app.add_http(handle, entry)


def _queue(app: _Functions, entry: Entry) -> None:
    def handle(message: func.QueueMessage) -> None:
        _run(entry, message)

    app.function_name(entry.name)(app.queue_trigger("message", **entry.arguments)(handle))


def _timer(app: _Functions, entry: Entry) -> None:
    def handle(timer: func.TimerRequest) -> None:
        _run(entry, timer)

    app.function_name(entry.name)(app.timer_trigger("timer", **entry.arguments)(handle))


def _blob(app: _Functions, entry: Entry) -> None:
    def handle(blob: BlobReference) -> None:
        _run(entry, blob)

    arguments: dict[str, Any] = {**entry.arguments}
    source = func.BlobSource(arguments.pop("source", func.BlobSource.LOGS_AND_CONTAINER_SCAN))
    app.function_name(entry.name)(app.blob_trigger("blob", source=source, **arguments)(handle))


_REGISTER: Final[Mapping[str, Callable[[_Functions, Entry], None]]] = {
    "httpTrigger": _http,
    "queueTrigger": _queue,
    "timerTrigger": _timer,
    "blobTrigger": _blob,
}
