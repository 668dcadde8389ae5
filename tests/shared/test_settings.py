"""Settings refuse what is unsafe, and say which one it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import settings as settings_page
from cli.settings import groups, variables
from shared import settings as shared_settings
from shared.errors import ConfigurationError
from shared.settings import SettingsGroup, forget

ROOT = Path(__file__).resolve().parents[2]
SOUND = {
    "ENVIRONMENT": "production",
    "Storage__blobServiceUri": "https://account.blob.core.windows.net",
    "Storage__queueServiceUri": "https://account.queue.core.windows.net",
    "COSMOS_ENDPOINT": "https://account.documents.azure.com",
    "JWT_KEYS": json.dumps({"k1": "pT7w0Zr4mQy9Lc2Vb6Nx1Hk8Ds3Gf5JaUeYo"}),
    "VTO_TOKEN": "Qm4Zt8Yk2Wv6Rb0Xc5Ln9Pj3Hd7Gs1FaEuIoT",
    "APP_URL": "https://shop.fashion-house.eu",
    "CONFIRM_EMAIL": "false",
}


def load(monkeypatch: pytest.MonkeyPatch, **change: str | None) -> SettingsGroup:
    """Load every group under these variables alone; None leaves one out."""
    for group in groups():
        for name in variables(group):
            monkeypatch.delenv(name, raising=False)
    for name, value in {**SOUND, **change}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    forget()
    try:
        loaded = [shared_settings.load(group) for group in groups()]
    finally:
        forget()
    return loaded[0]


def test_valid_settings_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch).environment == "production"


def test_production_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, ENVIRONMENT=None).environment == "production"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"JWT_KEYS": '{"k1": "short"}'}, "32 bytes"),
        ({"JWT_KEYS": '{"k1": "development-only-key-that-no-production-will-take"}'}, "development secret"),
        ({"JWT_KEYS": None}, "JWT_ACTIVE_KID"),
        ({"JWT_KEYS": "not json"}, "JWT_KEYS: JSON is expected"),
        ({"JWT_ACTIVE_KID": "k2"}, "JWT_ACTIVE_KID"),
        ({"Storage": "UseDevelopmentStorage=true"}, "development secret"),
        ({"Storage__queueServiceUri": None}, "Storage__queueServiceUri"),
        ({"GEMINI_BASE_URL": "http://127.0.0.1:9"}, "https"),
        ({"TWILIO_BASE_URL": "http://127.0.0.1:9"}, "https"),
        ({"CONVERSION_QUOTA": "-1"}, "conversion_quota"),
        ({"ACCESS_TOKEN_MINUTES": "600"}, "access_token_minutes"),
    ],
)
def test_unsafe_settings_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(monkeypatch, **change)


def test_a_refusal_does_not_show_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(monkeypatch, JWT_KEYS='{"k1": "my-short-secret"}')
    assert "my-short-secret" not in str(refused.value)


def test_the_example_is_for_development_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    values = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    own = {name: value for name, value in values.items() if not name.startswith(("FUNCTIONS_", "AzureWeb", "PYTHON_"))}
    assert load(monkeypatch, **own).environment == "development"
    with pytest.raises(ConfigurationError, match="development secret"):
        load(monkeypatch, **{**own, "ENVIRONMENT": "production"})


def test_every_setting_is_described_and_listed_on_the_page() -> None:
    for group in groups():
        assert all(field.description for field in group.model_fields.values()), group.__name__
    assert settings_page.PAGE.read_text() == settings_page.page(), "run `python -m cli.settings`"


def test_every_value_is_checked_as_its_groups_say() -> None:
    assert settings_page.INDEX.read_text() == settings_page.index(), "run `python -m cli.settings`"
    kinds = json.loads(settings_page.INDEX.read_text())
    for group in groups(settings_page.APP):
        assert group.kinds().items() <= kinds.items(), f"{group.__name__} and another group differ"
