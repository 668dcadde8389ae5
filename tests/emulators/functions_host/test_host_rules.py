"""What the host refuses, and what it says then."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulators.functions_host.bindings import parse, violations
from emulators.functions_host.settings import SettingsError, load, read
from emulators.functions_host.storage import endpoint
from emulators.with_parent import parent_pipe, python

ROOT = Path(__file__).resolve().parents[3]
HTTP = {"type": "httpTrigger", "direction": "IN", "name": "req", "authLevel": "ANONYMOUS"}
BLOB = {"type": "blob", "direction": "IN", "name": "client", "path": "photos/{name}"}
QUEUE = {"type": "queueTrigger", "direction": "IN", "name": "msg", "queueName": "orders"}


def _http(name: str, route: str, *methods: str) -> Any:
    return parse(name, name, [{**HTTP, "route": route, "methods": list(methods)}])


@pytest.mark.parametrize(
    ("functions", "refused", "says"),
    [
        ([parse("a", "1", [{**HTTP, "name": "my-req"}])], "a", "letters, digits and underscores only"),
        ([parse("a", "1", [{**HTTP, "name": "_req"}])], "a", "starting with a letter"),
        (
            [parse("a", "1", [QUEUE, {**BLOB, "properties": {"SupportsDeferredBinding": True}}])],
            "a",
            "deferred binding",
        ),
        ([_http("same", "x"), _http("Same", "y")], None, "unique within the app without regard to case"),
        ([_http("b", "X/{id}/", "GET"), _http("a", "x/{id}", "GET", "PUT")], "b", "conflicts with the route"),
        ([_http("b", "x"), _http("a", "x", "GET")], "b", "conflicts with the route of function 'a'"),
        ([_http("a", "admin/users")], "a", "no route may start with 'admin' or 'runtime'"),
        ([_http("a", "Administration")], "a", "built in routes"),
        ([_http("a", "runtime/x")], "a", "built in routes"),
        ([_http("admin", "")], "admin", "built in routes"),
        ([parse("1a", "1", [HTTP])], "1a", "not a valid function name"),
        ([parse("a", "1", [{**QUEUE, "type": "kafkaTrigger"}])], "a", "not supported by this local host"),
        ([parse("a", "1", [QUEUE, {**BLOB, "direction": "INOUT"}])], "a", "the direction 'inout'"),
    ],
)
def test_refused(functions: list[Any], refused: str | None, says: str) -> None:
    found = violations(functions, has_bundle=True)
    assert len(found) == 1
    assert refused in (None, *found)
    assert says in next(iter(found.values()))


def test_accepted() -> None:
    functions = [_http("a", "x", "GET"), _http("b", "x", "POST"), _http("c", "{any}"), _http("d", "{other}")]
    trigger = {**BLOB, "type": "blobTrigger", "properties": {"SupportsDeferredBinding": True}}
    others = [parse("q", "q", [QUEUE]), parse("r", "r", [trigger])]
    assert violations([*functions, *others], has_bundle=True) == {}


def test_types_of_generic_bindings_may_be_spelled_in_any_case() -> None:
    raw = [{**HTTP, "type": "HttpTrigger", "route": "x"}, {"type": "Http", "direction": "out", "name": "$return"}]
    function = parse("a", "a", [*raw, {**BLOB, "type": "BLOB"}])
    assert violations([function], has_bundle=True) == {}
    types = [one.type for one in (function.trigger, *function.outputs, *function.inputs)]
    assert types == ["httpTrigger", "http", "blob"]


def test_queue_needs_the_extension_bundle() -> None:
    functions = [_http("a", "x"), parse("q", "q", [QUEUE])]
    found = violations(functions, has_bundle=False)
    assert list(found) == ["q"]
    assert "extensionBundle" in found["q"]


BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}


def _app(directory: Path, code: str, host: str = json.dumps({"version": "2.0", "extensionBundle": BUNDLE})) -> Path:
    (directory / "host.json").write_text(host)
    (directory / "function_app.py").write_text(f"import azure.functions as func\n{code}")
    return directory


def _run(app: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a host that is expected to exit."""
    return subprocess.run(
        python("emulators.functions_host", "--app", str(app), "--json"),
        cwd=ROOT,
        stdin=parent_pipe(),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("app = func.FunctionApp()\n1 / 0", "ZeroDivisionError"),
        ("x = 1", "Could not find top level function app instances"),
        (
            "app = func.FunctionApp()\n@app.route()\ndef a(req: func.HttpRequest, k) -> str: return ''",
            "parameters are declared in Python but not in the function definition",
        ),
    ],
)
@pytest.mark.processes
def test_app_that_cannot_be_indexed_ends_the_host(tmp_path: Path, code: str, says: str) -> None:
    ended = _run(_app(tmp_path, code))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Traceback (most recent call last)" in ended.stderr
    assert says in ended.stderr


@pytest.mark.processes
def test_settings_that_cannot_be_read_end_the_host(tmp_path: Path) -> None:
    broken = _run(_app(tmp_path, "", host="{"))
    assert (broken.returncode, "host.json" in broken.stderr) == (1, True)


def test_settings_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading them sets these.
    for name in ("AZURE_FUNCTIONS_ENVIRONMENT", "FUNCTIONS_WORKER_RUNTIME"):
        monkeypatch.setenv(name, "test")
    with pytest.raises(SettingsError, match=r"host\.json is missing"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ({"version": "2.0", "extensions": {"queues": {"visibilityTimeout": "soon"}}}, "'soon' is not a time span"),
        ({"version": "2.0", "extensions": {"queues": {"visibilityTimeout": 30}}}, "a number alone as days"),
        ({"version": "2.0", "extensions": {"queues": {"newBatchThreshold": "few"}}}, "'few' is not a whole number"),
        ({"version": "2.0", "extensions": {"queues": {"maxDequeueCount": 0}}}, "less than 1"),
        ({"version": "2.0", "extensions": {"queues": {"BATCHSIZE": 33}}}, "33 is not in 1..32"),
        ({"version": "2.0", "functionTimeout": "1h"}, "functionTimeout"),
        ({"version": "1.0"}, "`version` is '1.0'"),
        ({"version": "2.0", "telemetryMode": "OpenTelemetri"}, "telemetryMode: 'OpenTelemetri'"),
        ({"version": "2.0", "TelemetryMode": None}, "telemetryMode: None"),
        ({"version": "2.0", "logging": {"logLevel": {"default": "Info"}}}, "logging.logLevel.default: 'Info'"),
        (
            {"version": "2.0", "Logging": {"ApplicationInsights": {"LogLevel": {"Function": "Loud"}}}},
            "logging.applicationInsights.logLevel.Function: 'Loud'",
        ),
        ({"version": "2.0", "extensionBundle": {"version": "[4.*, 5.0.0)"}}, "extensionBundle.id: None"),
        ({"version": "2.0", "extensionBundle": {"id": "A.B", "version": "4 to 5"}}, "'4 to 5' is no range"),
        ({"extensions": {}}, "`version` is None"),
    ],
)
def test_values_of_host_json_that_azure_would_refuse_are_refused(tmp_path: Path, host: Any, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(_app(tmp_path, "", host=json.dumps(host)))
    assert says in str(refused.value)


def test_names_of_host_json_count_in_any_case_and_others_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AzureFunctionsJobHost__extensions__Queues__maxdequeuecount", "2")
    host = {
        "$schema": "x", "Version": "2.0", "telemetryMode": "OpenTelemetry",
        "logging": {
            "LogLevel": {"Default": "warning", "Host.Results": 4, "Function": ""},
            "fileLoggingMode": "always",
            "console": {"isEnabled": True, "isEnable": True},
            "ApplicationInsights": {
                "samplingSettings": {"isEnabled": True, "maxTelemetryItemPerSecond": 20, "excludedTypes": "Request"},
                "httpAutoCollectionOptions": "all",
            },
            "level": "Debug",
        },
        "extensionBundle": {**BUNDLE, "name": "x"},
        "Extensions": {
            "Queues": {"batchsize": "3", "MaxPollingInterval": "00:00:05", "batchSise": 4},
            "http": {"routePrefix": "v1", "hsts": {"isEnabled": True}},
            "cosmosDB": {},
        },
        "concurrency": {"dynamicConcurrencyEnabled": True},
    }  # fmt: skip
    settings = read(_app(tmp_path, "", host=json.dumps(host)))
    assert (settings.queues.batch_size, settings.queues.max_polling_interval, settings.http.prefix) == (3, 5, "v1")
    assert settings.queues.max_dequeue_count == 2
    assert settings.log_levels == {"default": "warning", "Host.Results": "error"}
    assert set(settings.unread) == {
        "extensions.queues.batchSise", "extensions.http.hsts", "extensions.cosmosDB", "concurrency", "logging.level",
        "logging.console.isEnable", "logging.applicationInsights.samplingSettings.maxTelemetryItemPerSecond",
        "logging.applicationInsights.httpAutoCollectionOptions", "extensionBundle.name",
    }  # fmt: skip


def test_what_is_no_object_where_one_belongs_is_named_and_counts_as_nothing(tmp_path: Path) -> None:
    host = {"version": "2.0", "extensions": {"queues": 8, "http": []}, "logging": "all", "extensionBundle": {}}
    settings = read(_app(tmp_path, "", host=json.dumps(host)))
    assert (settings.queues.batch_size, settings.http.prefix, settings.log_levels) == (16, "api", {})
    assert not settings.has_bundle
    assert set(settings.unread) == {"extensions.queues", "extensions.http", "logging"}


@pytest.mark.parametrize(
    "versions", ["[4.*, 5.0.0)", "4.*", "[4.12.0]", "(, 5.0.0]", "*", "[3.3.0, 4.0.0)", "4.0.0-preview.1"]
)
def test_ranges_of_versions_are_those_of_nuget(tmp_path: Path, versions: str) -> None:
    host = {
        "version": "2.0",
        "extensionBundle": {**BUNDLE, "version": versions},
    }
    assert read(_app(tmp_path, "", host=json.dumps(host))).has_bundle


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"Shop": "a"}, ("string", "a")),
        ({"AzureWebJobsShop": "a", "Shop": "b"}, ("string", "a")),
        ({"ConnectionStrings__Shop": "a"}, ("string", "a")),
        ({"Shop__queueServiceUri": "https://q"}, ("uri", "https://q")),
        ({"AzureWebJobsShop__accountName": "shop"}, ("uri", "https://shop.queue.core.windows.net")),
    ],
)
def test_a_connection_is_found_under_every_name_it_has_in_azure(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], found: tuple[str, str]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert endpoint("Shop", "queue") == found


@pytest.mark.processes
def test_function_that_cannot_start_leaves_the_others(tmp_path: Path) -> None:
    code = """
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route()
def fine(req: func.HttpRequest) -> str:
    return "fine"

@app.queue_trigger(arg_name="msg", queue_name="orders", connection="NoSuchAccount")
def unconnected(msg: str) -> None: ...

@app.queue_trigger(arg_name="msg", queue_name="%NO_SUCH_SETTING%", connection="AzureWebJobsStorage")
def unnamed(msg: str) -> None: ...

@app.timer_trigger(arg_name="timer", schedule="at noon")
def unscheduled(timer: func.TimerRequest) -> None: ...

@app.route(route="x/{id:colour}")
def unrouted(req: func.HttpRequest) -> str:
    return ""
"""
    process = subprocess.Popen(
        python("emulators.functions_host", "--app", str(_app(tmp_path, code)), "--json"),
        cwd=ROOT,
        stdin=parent_pipe(),
        env={**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    report = json.loads(process.stdout.readline())
    process.terminate()
    process.communicate()
    assert [row["name"] for row in report["functions"]] == ["fine"]
    assert "NoSuchAccount__queueServiceUri" in report["errors"]["unconnected"]
    assert "%NO_SUCH_SETTING%" in report["errors"]["unnamed"]
    assert "at noon" in report["errors"]["unscheduled"]
    assert "colour" in report["errors"]["unrouted"]
