"""The e-mail emulator driven by the real azure-communication-email SDK."""

import base64
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from azure.communication.email import EmailClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.rest import HttpRequest

from emulators.launch import launch

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def email() -> Iterator[dict[str, Any]]:
    with launch("email", "--running-polls", "1") as facts:
        yield facts


@pytest.fixture(scope="module")
def client(email) -> EmailClient:
    return EmailClient(email["url"], AzureKeyCredential(email["accessKey"]), retry_total=0, read_timeout=5)


def mail_to(facts: dict[str, Any], address: str, subject: str = "Your look is ready") -> dict[str, Any]:
    return {
        "senderAddress": facts["sender"],
        "recipients": {"to": [{"address": address}]},
        "content": {
            "subject": subject,
            "plainText": "See it in the app.",
            "html": "<p>See it in the <b>app</b>.</p>",
        },
    }


def someone() -> str:
    return f"{uuid.uuid4().hex}@shopper.example"


def outbox(facts: dict[str, Any], address: str) -> list[dict[str, Any]]:
    return requests.get(f"{facts['url']}/_emulator/outbox", params={"to": address}, timeout=5).json()["messages"]


def fault(facts: dict[str, Any], mode: str, match: str, **more: Any) -> None:
    body = {"mode": mode, "match": match, **more}
    assert requests.post(f"{facts['url']}/_emulator/faults", json=body, timeout=5).status_code == 201


def test_sends_and_polls_to_success(email, client):
    to = someone()
    poller = client.begin_send(mail_to(email, to))
    assert poller.status() == "Running"
    assert poller.result()["status"] == "Succeeded"
    (mail,) = outbox(email, to.upper())
    assert mail["subject"] == "Your look is ready" and mail["html"].startswith("<p>")
    assert mail["status"] == "Succeeded" and mail["requests"] == 1


def test_failed_operation_raises_at_the_end(email, client):
    to = someone()
    fault(email, "failed", to)
    with pytest.raises(HttpResponseError):
        client.begin_send(mail_to(email, to)).result()
    assert outbox(email, to)[0]["status"] == "Failed"


def test_the_operation_id_of_the_client_is_used(email, client):
    operation = str(uuid.uuid4())
    client.begin_send(mail_to(email, someone()), operation_id=operation, polling=False)
    url = f"{email['url']}/emails/operations/{operation}?api-version=2025-09-01"
    seen = [client.send_request(HttpRequest("GET", url)).json()["status"] for _ in range(3)]
    assert seen == ["Running", "Succeeded", "Succeeded"]
    missing = url.replace(operation, str(uuid.uuid4()))
    assert client.send_request(HttpRequest("GET", missing)).status_code == 404


def test_the_same_repeatability_id_is_sent_once(email, client):
    to, repeat = someone(), str(uuid.uuid4())
    headers = {
        "Repeatability-Request-ID": repeat,
        "Repeatability-First-Sent": format_datetime(datetime.now(UTC)),
    }
    for _ in range(3):
        client.begin_send(mail_to(email, to), operation_id=repeat, headers=dict(headers), polling=False)
    (mail,) = outbox(email, to)
    assert mail["requests"] == 3 and mail["id"] == repeat


def test_an_old_or_half_repeatability_is_refused(email, client):
    old = format_datetime(datetime.now(UTC) - timedelta(minutes=6))
    for headers, status in (
        ({"Repeatability-Request-ID": str(uuid.uuid4()), "Repeatability-First-Sent": old}, 412),
        ({"Repeatability-Request-ID": str(uuid.uuid4())}, 400),
    ):
        with pytest.raises(HttpResponseError) as caught:
            client.begin_send(mail_to(email, someone()), headers=headers, polling=False)
        assert caught.value.status_code == status


def test_a_wrong_key_is_denied(email):
    key = base64.b64encode(b"another key").decode()
    client = EmailClient(email["url"], AzureKeyCredential(key), retry_total=0)
    with pytest.raises(ClientAuthenticationError) as caught:
        client.begin_send(mail_to(email, someone()), polling=False)
    assert caught.value.status_code == 401
    assert requests.post(f"{email['url']}/emails:send?api-version=2025-09-01", json={}, timeout=5).status_code == 401


def test_a_mail_without_recipient_or_subject_is_refused(email, client):
    without_recipients = mail_to(email, "x@y.example") | {"recipients": {"to": []}}
    for message in (without_recipients, mail_to(email, someone(), subject="")):
        with pytest.raises(HttpResponseError) as caught:
            client.begin_send(message, polling=False)
        assert caught.value.status_code == 400


@pytest.mark.parametrize("mode", ["429", "503"])
def test_throttling_says_when_to_retry(email, client, mode):
    to = someone()
    fault(email, mode, to, retryDelay=90)
    with pytest.raises(HttpResponseError) as caught:
        client.begin_send(mail_to(email, to), polling=False)
    assert caught.value.status_code == int(mode) and caught.value.response.headers["Retry-After"] == "90"
    client.begin_send(mail_to(email, to), polling=False)
    assert len(outbox(email, to)) == 1


def test_a_lost_answer_is_a_mail_sent(email, client):
    to = someone()
    fault(email, "lost", to)
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        client.begin_send(mail_to(email, to), polling=False)
    assert len(outbox(email, to)) == 1


def test_the_page_shows_mails_and_runs_nothing_of_theirs(email, client):
    hostile = mail_to(email, someone(), subject="<script>alert(1)</script>")
    hostile["content"]["html"] = '"><script>alert(2)</script>'
    client.begin_send(hostile, polling=False)
    page = requests.get(email["url"] + "/", timeout=5)
    assert "&lt;script&gt;alert(1)" in page.text and "<script>" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_reset_empties_the_outbox():
    with launch("email") as facts:
        client = EmailClient(facts["url"], AzureKeyCredential(facts["accessKey"]), retry_total=0)
        to = someone()
        client.begin_send(mail_to(facts, to), polling=False)
        assert requests.post(f"{facts['url']}/_emulator/reset", timeout=5).status_code == 204
        assert outbox(facts, to) == []
