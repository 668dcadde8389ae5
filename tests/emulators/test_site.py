"""The static site: files of one folder, a configuration that appears later, nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from emulators.launch import launch
from emulators.stack import ROOT

pytestmark = pytest.mark.processes

HTTP = '[2026-11-29 01:02:03,456] INFO studio: {"event": "http", "requestId": "01abc", "status": 200}\n'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "assets" / "app-1.js").write_text("1")
    (folder / ".built-from").write_text("secret")
    shutil.copy(ROOT / "web/public/staticwebapp.config.json", folder)
    (tmp_path / "outside.txt").write_text("secret")
    log = tmp_path / "functions.log"
    log.write_text(f"{HTTP}{HTTP.replace('01abc', '01xyz')}")
    config = tmp_path / "config.json"
    with launch("site", "--folder", str(folder), "--config", str(config), "--log", str(log)) as facts:
        yield facts["url"]


def test_files_have_types_policies_and_lifetimes(site: str) -> None:
    page = requests.get(site, timeout=30)
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Cache-Control"] == "no-cache"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    script = requests.get(f"{site}/assets/app-1.js", timeout=30)
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in script.headers["Cache-Control"]


@pytest.mark.parametrize("path", [".built-from", "../outside.txt", "%2e%2e/outside.txt", "staticwebapp.config.json"])
def test_what_is_not_for_browsers_is_not_served(site: str, path: str) -> None:
    assert "secret" not in (answer := requests.get(f"{site}/{path}", timeout=30)).text
    assert answer.text == "<!doctype html>"


@pytest.mark.parametrize(("path", "status"), [("tryons/01abc", 200), ("assets/gone.js", 404), ("widget.js", 404)])
def test_addresses_without_a_file_are_the_page_s(site: str, path: str, status: int) -> None:
    assert requests.get(f"{site}/{path}", timeout=30).status_code == status


def test_the_log_is_found_by_an_id(site: str) -> None:
    found = requests.get(f"{site}/_emulator/log", params={"id": "01abc"}, timeout=30).json()
    assert [line["facts"]["requestId"] for line in found["lines"]] == ["01abc"]
    assert requests.get(f"{site}/_emulator/log", timeout=30).json()["total"] == 2


def test_only_emulated_providers_are_reached(site: str, tmp_path: Path) -> None:
    faults = f"{site}/_emulator/providers/sms/faults"
    assert requests.get(faults, timeout=30).status_code == 404
    with launch("sms") as sms:
        providers = {"sms": {"emulated": True, "url": sms["url"]}, "email": {"emulated": False, "url": None}}
        (tmp_path / "config.json").write_text(json.dumps({"local": {"providers": providers}}))
        assert requests.post(faults, json={"mode": "503"}, timeout=30).status_code == 201
        planned = requests.get(f"{sms['url']}/_emulator/faults", timeout=30).json()["faults"]
        assert [fault["mode"] for fault in planned] == ["503"]
        assert requests.post(faults, json={"mode": "no such"}, timeout=30).status_code == 400
        assert requests.delete(faults, timeout=30).status_code == 204
        assert requests.get(f"{site}/_emulator/providers/email/faults", timeout=30).status_code == 404


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Host": "rebound.example"}])
@pytest.mark.parametrize("path", ["log", "providers/sms/faults"])
def test_pages_of_other_sites_get_no_tools(site: str, path: str, headers: dict[str, str]) -> None:
    assert requests.get(f"{site}/_emulator/{path}", headers=headers, timeout=30).status_code == 403


def test_the_configuration_is_read_at_each_request(site: str, tmp_path: Path) -> None:
    assert requests.get(f"{site}/config.json", timeout=30).status_code == 503
    for url in ("http://a", "http://b"):
        (tmp_path / "config.json").write_text(f'{{"apiUrl": "{url}"}}')
        answer = requests.get(f"{site}/config.json", timeout=30)
        assert answer.json() == {"apiUrl": url}
        assert answer.headers["Cache-Control"] == "no-store"
