"""Starting in production with settings that an attacker knows, or connections that anyone can read."""

from __future__ import annotations

import json
import re
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import cold
from shared import function_index, settings, startup
from shared.errors import ConfigurationError
from shared.settings_checks import bits, looks_unsafe, secret_fault, text_faults, url_fault

ROOT = Path(__file__).resolve().parents[2]
KEY = "pT7w0Zr4mQy9Lc2Vb6Nx1Hk8Ds3Gf5JaUeYo"
OTHER = "Qm4Zt8Yk2Wv6Rb0Xc5Ln9Pj3Hd7Gs1FaEuIoT"
SOUND = {
    "ENVIRONMENT": "production",
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "WEBSITE_INSTANCE_ID": "1",
    "Storage__blobServiceUri": "https://account.blob.core.windows.net",
    "Storage__queueServiceUri": "https://account.queue.core.windows.net",
    "COSMOS_ENDPOINT": "https://account.documents.azure.com",
    "JWT_KEYS": json.dumps({"k1": KEY}),
    "VTO_URL": "https://vto.fashion-house.eu",
    "VTO_TOKEN": OTHER,
    "PROBE_KEY": OTHER[::-1],
    "APP_URL": "https://shop.fashion-house.eu",
    "EMAIL_CONNECTION": f"endpoint=https://mail.communication.azure.com/;accesskey={KEY}",
    "EMAIL_SENDER": "studio@fashion-house.eu",
    "WEBPUBSUB_CONNECTION": f"Endpoint=https://studio.webpubsub.azure.com;AccessKey={OTHER};Version=1.0;",
    "GEMINI_API_KEY": "AIzaSyD9Vq3kPz7Wm2Xc8Rt5Ln0Bj4Hf6Gs1Qe",
    "TWILIO_ACCOUNT_SID": "AC0123456789abcdef0123456789abcdef",
    "TWILIO_AUTH_TOKEN": "9f3b7c1e5d8a2406f1b9c7e3d5a80462",
    "SMS_SENDER": "+4915735980000",
    "PAYPAL_BASE_URL": "https://api-m.paypal.com",
    "PAYPAL_CLIENT_SECRET": "EK3d9vZr4mQy7Lc2Vb6Nx1Hk8Ds3Gf5Ja",
    "TRUSTED_PROXY_HOPS": "1",
}
ACCOUNT = "AccountName=a;EndpointSuffix=core.windows.net"
WEAK: list[tuple[dict[str, str | None], str]] = [
    ({"JWT_KEYS": '{"k1": "short"}'}, "JWT_KEYS[k1]"),
    ({"JWT_KEYS": json.dumps({"k1": "a" * 32})}, "JWT_KEYS[k1]"),
    ({"JWT_KEYS": json.dumps({"k1": "abcdefgh" * 5})}, "JWT_KEYS[k1]"),
    ({"JWT_KEYS": json.dumps({"k1": string.ascii_lowercase + "0123456789"})}, "JWT_KEYS[k1]"),
    ({"JWT_KEYS": json.dumps({"k1": "development-only-key-that-no-production-will-take"})}, "JWT_KEYS[k1]"),
    ({"JWT_KEYS": json.dumps({"k1": "Development-Only-Key-That-No-Production-Will-Take"})}, "JWT_KEYS[k1]"),
    ({"JWT_KEYS": json.dumps({"k1": KEY, "k0": "b" * 40})}, "JWT_KEYS[k0]"),
    ({"JWT_KEYS": None}, "JWT_ACTIVE_KID"),
    ({"JWT_ACTIVE_KID": "k2"}, "JWT_ACTIVE_KID"),
    ({"PASSWORD_MEMORY_KIB": "19455"}, "PASSWORD_MEMORY_KIB"),
    ({"VTO_TOKEN": "x"}, "VTO_TOKEN"),
    ({"VTO_TOKEN": "t" * 40}, "VTO_TOKEN"),
    ({"PROBE_KEY": "x"}, "PROBE_KEY"),
    ({"PROBE_KEY": "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/probe)"}, "PROBE_KEY"),
    ({"EMAIL_CONNECTION": f"endpoint=http://mail;accesskey={KEY}"}, "EMAIL_CONNECTION"),
    ({"EMAIL_CONNECTION": f"ENDPOINT=HTTP://mail;accesskey={KEY}"}, "EMAIL_CONNECTION"),
    ({"EMAIL_CONNECTION": "endpoint=https://mail.azure.com/;accesskey=ZW11bGF0ZWQta2V5LWZvci10ZXN0cw=="}, "EMAIL_CONN"),
    ({"EMAIL_CONNECTION": None}, "CONFIRM_EMAIL"),
    ({"EMAIL_SENDER": "studio@example.com"}, "EMAIL_SENDER"),
    ({"EMAIL_SENDER": "studio@fashion.example"}, "EMAIL_SENDER"),
    ({"WEBPUBSUB_CONNECTION": f"Endpoint=http://hub;AccessKey={KEY};Version=1.0;"}, "WEBPUBSUB_CONNECTION"),
    (
        {"WEBPUBSUB_CONNECTION": "Endpoint=https://h;AccessKey=emulated-web-pubsub-access-key-0123456789;Version=1.0;"},
        "WEBPUBSUB_CONNECTION",
    ),
    ({"Storage": f"DefaultEndpointsProtocol=http;{ACCOUNT};AccountKey={KEY}"}, "Storage"),
    ({"Storage": f"DefaultEndpointsProtocol=HTTP;{ACCOUNT};AccountKey={KEY}"}, "Storage"),
    ({"Storage": f"BlobEndpoint=http://127.0.0.1:10000/a;{ACCOUNT};AccountKey={KEY}"}, "Storage"),
    ({"Storage": "UseDevelopmentStorage=true"}, "Storage"),
    ({"Storage": "usedevelopmentstorage=TRUE"}, "Storage"),
    ({"Storage": "DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;AccountKey=Yg=="}, "Storage"),
    ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "AzureWebJobsStorage"),
    ({"Storage__blobServiceUri": "http://account.blob.core.windows.net"}, "Storage__blobServiceUri"),
    ({"Storage__blobServiceUri": None}, "Storage__blobServiceUri"),
    ({"Storage__queueServiceUri": "//account.queue.core.windows.net"}, "Storage__queueServiceUri"),
    ({"CDN_BASE_URL": "http://cdn.fashion-house.eu"}, "CDN_BASE_URL"),
    ({"CDN_BASE_URL": "https://user:pass@cdn.fashion-house.eu"}, "CDN_BASE_URL"),
    ({"PAYPAL_BASE_URL": "HTTP://api-m.paypal.com"}, "PAYPAL_BASE_URL"),
    ({"PAYPAL_BASE_URL": " http://api-m.paypal.com"}, "PAYPAL_BASE_URL"),
    ({"PAYPAL_CLIENT_SECRET": "development-only-paypal-secret"}, "PAYPAL_CLIENT_SECRET"),
    ({"GEMINI_BASE_URL": "http://127.0.0.1:9"}, "GEMINI_BASE_URL"),
    ({"GEMINI_BASE_URL": "ftp://gemini"}, "GEMINI_BASE_URL"),
    ({"GEMINI_API_KEY": "emulated-gemini-key"}, "GEMINI_API_KEY"),
    ({"GEMINI_API_KEY": "your-key"}, "GEMINI_API_KEY"),
    ({"TWILIO_AUTH_TOKEN": "emulated-twilio-token"}, "TWILIO_AUTH_TOKEN"),
    ({"TWILIO_BASE_URL": "http://127.0.0.1:9"}, "TWILIO_BASE_URL"),
    ({"SMS_SENDER": "+15005550006"}, "SMS_SENDER"),
    ({"VTO_URL": "http://vto.internal"}, "VTO_URL"),
    ({"COSMOS_ENDPOINT": "http://account.documents.azure.com"}, "COSMOS_ENDPOINT"),
    (
        {"COSMOS_KEY": "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="},
        "COSMOS_KEY",
    ),
    ({"COSMOS_VERIFY_TLS": "false"}, "COSMOS_VERIFY_TLS"),
    ({"DOCUMENTS": "sqlite:x"}, "DOCUMENTS"),
    ({"APP_URL": "javascript:alert(1)"}, "APP_URL"),
    ({"APP_URL": "http://shop.fashion-house.eu"}, "APP_URL"),
    ({"APP_URL": None}, "APP_URL"),
    ({"APP_URL": "https://shop.example.com"}, "APP_URL"),
    ({"APP_URL": "https://localhost"}, "APP_URL"),
    ({"APP_URL": "https:///"}, "APP_URL"),
    ({"WEBHOOK_ALLOW_HOSTS": '["127.0.0.1:*"]'}, "WEBHOOK_ALLOW_HOSTS"),
    ({"IMAGE_FETCH_ALLOW_HOSTS": '["127.0.0.1:*"]'}, "IMAGE_FETCH_ALLOW_HOSTS"),
    ({"PAYPAL_CERT_ORIGINS": '["http://api.paypal.com"]'}, "PAYPAL_CERT_ORIGINS"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    (
        {"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=0;IngestionEndpoint=http://in.azure.com/"},
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
    ),
    ({"TRUSTED_PROXY_HOPS": "0"}, "TRUSTED_PROXY_HOPS"),
]
"""Every weak setting that was once taken, and others of its kind; with what the refusal names."""


FOUND_BY_GROUPS = {
    "JWT_ACTIVE_KID", "PASSWORD_MEMORY_KIB", "EMAIL_SENDER", "SMS_SENDER", "COSMOS_VERIFY_TLS", "DOCUMENTS",
    "WEBHOOK_ALLOW_HOSTS", "IMAGE_FETCH_ALLOW_HOSTS", "TRUSTED_PROXY_HOPS", "https://shop.example.com", "https://localhost",
}  # fmt: skip
"""Settings, and addresses, that are at fault by more than being unsafe texts: the groups know."""


@cache
def variables() -> frozenset[str]:
    """Every variable that a setting is read from."""
    return frozenset(group.variable(name) for group in startup.settings_groups() for name in group.model_fields)


def given_settings(monkeypatch: pytest.MonkeyPatch, **change: str | None) -> None:
    """The sound settings but for these; None leaves one out."""
    for variable in variables():
        monkeypatch.delenv(variable, raising=False)
    for name, value in {**SOUND, **change}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    settings.forget()


def check(monkeypatch: pytest.MonkeyPatch, **change: str | None) -> None:
    """Check all settings: the sound ones but for these."""
    given_settings(monkeypatch, **change)
    try:
        startup.check_settings()
    finally:
        settings.forget()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., func.HttpResponse]]:
    """Calls `GET health` of a process that has just started, as the worker does."""
    monkeypatch.setattr(startup, "CHECK_AFTER_S", 0)
    startup.check_soon.cache_clear()
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    function_index.register(app)
    by_name = {function.get_function_name(): function.get_user_function() for function in app.get_functions()}

    def call(name: str = "health", argument: Any = None) -> Any:
        if argument is not None:
            return by_name[name](argument)
        request = func.HttpRequest(method="GET", url="https://app/api/health", body=b"")
        return by_name[name](request, SimpleNamespace(trace_context=SimpleNamespace(Traceparent=None)))

    yield call
    startup.check_soon.cache_clear()
    startup.forget()
    settings.forget()


def test_after_the_first_call_all_settings_are_checked_and_every_call_is_refused(
    monkeypatch: pytest.MonkeyPatch, started: Callable[..., Any]
) -> None:
    """Also calls that use none of the weak settings: the process is as good as not started."""
    given_settings(monkeypatch, TRUSTED_PROXY_HOPS="0")
    assert started().status_code == 200
    check = startup.check_soon()
    assert check is not None
    check.join()
    refused = started()
    assert (refused.status_code, b"PROXY" in refused.get_body()) == (500, False)
    with pytest.raises(ConfigurationError):
        started("interactive_worker", func.QueueMessage(body=b"{}"))


def test_sound_settings_refuse_no_call(monkeypatch: pytest.MonkeyPatch, started: Callable[..., Any]) -> None:
    given_settings(monkeypatch)
    assert started().status_code == 200
    check = startup.check_soon()
    assert check is not None
    check.join()
    assert started().status_code == 200


def test_sound_settings_start(monkeypatch: pytest.MonkeyPatch) -> None:
    check(monkeypatch)
    check(monkeypatch, EMAIL_CONNECTION=None, CONFIRM_EMAIL="false")
    check(monkeypatch, ENVIRONMENT=None)


@pytest.mark.parametrize(("weak", "named"), WEAK, ids=lambda value: str(value)[:60])
def test_a_weak_setting_prevents_the_start_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, weak: dict[str, str | None], named: str
) -> None:
    for environment in ("production", None):
        with pytest.raises(ConfigurationError) as refused:
            check(monkeypatch, **{"ENVIRONMENT": environment, **weak})
        assert named in str(refused.value)
        for name, value in weak.items():
            if value is not None and name.endswith(("KEY", "TOKEN", "SECRET", "KEYS")) and len(value) > 10:
                assert value not in str(refused.value)


def test_no_proxy_is_refused_on_flex_consumption_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sets the name of the site, and no id of an instance."""
    with pytest.raises(ConfigurationError, match="TRUSTED_PROXY_HOPS"):
        check(monkeypatch, TRUSTED_PROXY_HOPS="0", WEBSITE_INSTANCE_ID="", WEBSITE_SITE_NAME="shop")


def test_all_faults_are_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each setting, all together: the operator sees every error at the first attempt."""
    weak = {name: value for change, _ in WEAK for name, value in change.items() if value is not None}
    with pytest.raises(ConfigurationError) as refused:
        check(monkeypatch, **weak)
    missing = [name for name in weak if name != "JWT_ACTIVE_KID" and name not in str(refused.value)]
    assert not missing


@pytest.mark.parametrize(("weak", "named"), WEAK, ids=lambda value: str(value)[:60])
def test_unsafe_values_are_found_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch, weak: dict[str, str | None], named: str
) -> None:
    """The rest is missing, a number, or one of several settings that contradict each other: `FOUND_BY_GROUPS`."""
    given_settings(monkeypatch, **weak)
    if FOUND_BY_GROUPS & {*weak, *weak.values()} or None in weak.values():
        startup.refuse_unsafe_values()
        return
    with pytest.raises(ConfigurationError, match=re.escape(named)):
        startup.refuse_unsafe_values()


def test_sound_values_start_without_a_look_at_the_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    given_settings(monkeypatch)
    startup.refuse_unsafe_values()
    kinds = json.loads(startup.INDEX.read_text())
    assert not [name for name, text in SOUND.items() if name in kinds and looks_unsafe(kinds[name], text)]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("weak", "program"),
    [
        ({"VTO_TOKEN": "x"}, "import function_app"),
        ({"vto_token": "x", "VTO_TOKEN": ""}, "import function_app"),
        (
            {"APP_URL": ""},
            "import function_app; from shared.notifications import settings; settings.notification_settings()",
        ),
    ],
)
def test_the_app_does_not_load_with_a_weak_value_nor_read_a_group_at_fault(weak: dict[str, str], program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**SOUND, **weak, "PATH": ""},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode != 0
    assert "ConfigurationError" in done.stderr
    assert next(iter(weak)).upper() in done.stderr


@given(st.sampled_from(["http", "HTTP", "Http", "ftp", "ws", "file", "gopher", "data"]), st.text("ab./:@", max_size=20))
def test_no_other_scheme_is_a_url(scheme: str, rest: str) -> None:
    assert url_fault(f"{scheme}://{rest}")
    assert url_fault(f"{scheme}:{rest}")
    assert list(text_faults(f"Endpoint={scheme}://{rest};Key=b"))


@given(st.binary(min_size=36, max_size=64))
def test_random_keys_are_taken(raw: bytes) -> None:
    import base64

    key = base64.b64encode(raw).decode()
    if bits(key) > 140:
        assert secret_fault(key, own=True) is None


@given(st.text(string.ascii_letters, min_size=1, max_size=6), st.integers(10, 40))
def test_what_repeats_itself_is_refused(word: str, times: int) -> None:
    assert secret_fault(word * times, own=True)


def test_the_bench_of_cold_starts_has_settings_that_a_deployment_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    local = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    check(monkeypatch, **{**dict.fromkeys(SOUND), **local, **cold.DEPLOYED})
