"""The index of functions against the blueprints it is written from, both as the worker library reads them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure_functions_runtime import handle_event, loader
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry

from cli import function_index as command
from emulators.functions_host.protos import protos
from shared import function_index

ROOT = Path(__file__).resolve().parents[1]


def app_of_the_blueprints() -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for module in command.modules():
        app.register_functions(import_module(module).bp)
    return app


def app_of_the_index() -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    function_index.register(app)
    return app


def as_the_worker_sees(app: func.FunctionApp) -> dict[str, Any]:
    """Of each function: raw bindings (routes, methods, levels, queues, schedules), and the types of its parameters.

    Those of HTTP functions are left out: the worker makes requests by their binding alone.
    """
    load_binding_registry()
    registry: Any = Registry()
    seen: dict[str, Any] = {}
    for function in app.get_functions():
        info = registry.add_indexed_function(function, protos)
        if info.is_http_func:
            types = {name: kind._replace(pytype=None) for name, kind in info.input_types.items()}
            info = info._replace(input_types=types, return_type=info.return_type._replace(pytype=None))
        found = info._asdict()
        seen[found["name"]] = (
            function.get_raw_bindings(),
            function.get_settings_dict("retry_policy"),
            {name: value for name, value in found.items() if name not in ("func", "directory")},
        )
    return seen


def test_the_index_is_what_the_blueprints_declare() -> None:
    written = function_index.INDEX.read_text()
    assert written == function_index.text(command.entries()), "run .venv/bin/python -m cli.function_index"


def test_the_worker_sees_the_same_app_either_way() -> None:
    indexed, imported = as_the_worker_sees(app_of_the_index()), as_the_worker_sees(app_of_the_blueprints())
    assert indexed == imported
    assert list(indexed) == list(imported)


def test_the_worker_starts_with_every_binding_and_logs_few() -> None:
    """The worker logs the bindings of all functions so far for each function; those of HTTP functions are left out."""
    found = {metadata.name: metadata for metadata in loader.process_indexed_function(
        protos, Registry(), app_of_the_index().get_functions(), "."
    )[0]}  # fmt: skip
    assert set(found["health"].bindings) == {"req", "$return"}
    function = next(f for f in app_of_the_index().get_functions() if f.get_function_name() == "health")

    def index_functions() -> list[Any]:
        return function.get_bindings()

    assert len(index_functions()) == 2, "not registered yet"
    function.get_raw_bindings()
    assert len(function.get_bindings()) == 2
    assert index_functions() == []
    assert inspect.getsource(handle_event.index_functions).count("get_bindings") == 1, (
        "bindings serve more than the log"
    )


FIRST_CALL = """
import gc, os, types
import azure.functions as func
from function_app import app
from shared.documents import store
assert not gc.isenabled(), "garbage is looked for while functions are registered"
functions = {f.get_function_name(): f.get_user_function() for f in app.get_functions()}
context = types.SimpleNamespace(trace_context=types.SimpleNamespace(Traceparent=None))
request = func.HttpRequest("GET", "http://127.0.0.1/api/auth/me", body=b"")
first = gc.get_freeze_count()
assert functions["auth_me"](request, context).status_code == 401
frozen = gc.get_freeze_count()
assert first == 0 and frozen > 10_000 and gc.isenabled(), (first, frozen)
request = func.HttpRequest("GET", "http://127.0.0.1/api/webhooks", body=b"")
assert functions["webhooks_list"](request, context).status_code == 401
assert gc.get_freeze_count() <= frozen and gc.isenabled(), "what later calls leave behind is garbage"
os.environ["DOCUMENTS"], os.environ["Storage"] = "sqlite::memory:", "UseDevelopmentStorage=true"
os.environ["ENVIRONMENT"] = "development"
store()
assert gc.get_freeze_count() > frozen and gc.isenabled(), "a store's SDK is imported when it is opened"
"""


@pytest.mark.processes
def test_garbage_is_looked_for_from_the_first_call_and_not_among_what_was_imported() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_handler_of_the_index_is_found_in_its_blueprint() -> None:
    for entry in function_index.read():
        assert entry.name in function_index.handlers(entry.module)


def timer_with_a_retry(bp: func.Blueprint) -> None:
    @bp.timer_trigger(arg_name="timer", schedule="0 0 0 * * *")
    @bp.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01")
    def retried(timer: func.TimerRequest) -> None: ...


def queue_with_another_parameter(bp: func.Blueprint) -> None:
    @bp.queue_trigger(arg_name="item", queue_name="items", connection="Storage")
    def renamed(item: func.QueueMessage) -> None: ...


def queue_with_an_output(bp: func.Blueprint) -> None:
    @bp.queue_trigger(arg_name="message", queue_name="items", connection="Storage")
    @bp.queue_output(arg_name="out", queue_name="more", connection="Storage")
    def forwards(message: func.QueueMessage, out: func.Out[str]) -> None: ...


def coroutine(bp: func.Blueprint) -> None:
    @bp.timer_trigger(arg_name="timer", schedule="0 0 0 * * *")
    async def waits(timer: func.TimerRequest) -> None: ...


def another_trigger(bp: func.Blueprint) -> None:
    @bp.event_grid_trigger(arg_name="event")
    def notified(event: func.EventGridEvent) -> None: ...


REFUSED = {
    "retried": timer_with_a_retry,
    "renamed": queue_with_another_parameter,
    "forwards": queue_with_an_output,
    "waits": coroutine,
    "notified": another_trigger,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_index_can_not_hold_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bp = func.Blueprint()
    REFUSED[name](bp)
    module = type("module", (), {"bp": bp})
    monkeypatch.setattr(command, "import_module", lambda _name: module)
    with pytest.raises(command.FunctionIndexError, match=name):
        command.entries()
