"""No secret and no user's address is in a log: the shared stack's whole log, after everything that ran on it.

The scenarios here come close to every leak: a refused login, an upload by SAS, a failing provider, all three channels.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import requests
from leaks import leaks
from over_http import fault, photo
from quick import eventually
from routes import declared

from demo.accounts import confirm_email, confirm_phone, create_account
from demo.client import Client, Refused
from emulators.stack import Stack
from shared.http.openapi import statuses

SECRETS = ("GEMINI_API_KEY", "TWILIO_AUTH_TOKEN", "EMAIL_CONNECTION", "WEBPUBSUB_CONNECTION", "PAYPAL_CLIENT_SECRET")


def test_no_secret_and_no_address_is_in_the_log(stack: Stack) -> None:
    email, password, phone = f"log.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12), "+15557654321"
    client = Client(stack.url).register(email, password, phone=phone)
    confirm_email(stack, client)
    confirm_phone(stack, client)
    access = str(client.session.headers["Authorization"]).removeprefix("Bearer ")
    for wrong in ({"email": email, "password": "not " + password}, {"email": email}):
        requests.post(f"{stack.url}/api/auth/login", json=wrong, timeout=20)
    requests.get(f"{stack.url}/api/auth/me", headers={"Authorization": f"Bearer {access}x"}, timeout=20)
    person = client.upload_by_sas(photo(), f"{phone} {email}.jpg", "person")["id"]
    cloth = client.upload(photo("navy"), "shirt.jpg", "garment")["id"]
    word = secrets.token_hex(6)
    with fault(stack, "gemini", match=word, mode="500", times=1):
        wanted = {"personImageId": person, "garmentImageId": cloth, "options": {"prompt": f"{word} for {email}"}}
        made = client.call("POST", "conversions", json=wanted)
        assert client.wait(made["jobId"])["status"] == "completed"
    eventually(lambda: client.call("GET", "notifications")["items"], "the notification")
    try:
        client.upload_by_sas(b"not an image " * 20, "x.jpg", "person")
    except Refused as refused:
        assert refused.status in (415, 422)

    log = unquote(stack.log.read_text(errors="replace"))
    values = {stack.settings[name] for name in SECRETS if name in stack.settings} | {password, access, phone, email}
    assert not [value[:12] for value in values if value in log]
    assert not leaks(log)


def ours(stack: Stack) -> Iterator[dict[str, Any]]:
    """The JSON lines of the app in the stack's log."""
    for line in stack.log.read_text(errors="replace").splitlines():
        entry = line.partition("studio: ")[2]
        if entry.startswith("{"):
            yield json.loads(entry)


def test_every_status_that_was_ever_answered_is_described(stack: Stack) -> None:
    requests.get(f"{stack.url}/api/health", timeout=10)
    described = {route.name: set(statuses(route)) for route in declared()}
    answered = {(line["route"], line["status"]) for line in ours(stack) if line["event"] == "http"}
    assert answered
    described |= {"cors_preflight": {204}, "zz_unmatched": {404, 405}}  # of no route in particular
    assert not {(route, status) for route, status in answered if status not in described[route]}


def test_lines_of_ours_are_json_and_name_request_job_and_user(stack: Stack) -> None:
    client = create_account(stack)
    images = [client.upload(photo(), "photo.jpg", kind)["id"] for kind in ("person", "garment")]
    request_id = f"log-lines-{secrets.token_hex(4)}"
    made = client.call(
        "POST",
        "conversions",
        json={"personImageId": images[0], "garmentImageId": images[1]},
        headers={"X-Request-Id": request_id},
    )
    client.wait(made["jobId"])

    def lines() -> list[dict[str, Any]]:
        return [line for line in ours(stack) if line.get("requestId") == request_id]

    def done() -> dict[str, Any] | None:
        return next((line for line in lines() if line["event"] == "job.done" and line["kind"] == "tryon"), None)

    line = eventually(done, "the line of the job's end")
    assert line["userId"] == client.user["id"]
    assert line["jobId"] == f"job:{made['jobId']}"
    (accepted,) = [line for line in lines() if line["event"] == "http" and line["route"] == "create_conversion"]
    assert accepted["status"] == 202 and accepted["userId"] == client.user["id"]
    assert accepted.get("traceId") == line.get("traceId") is not None
