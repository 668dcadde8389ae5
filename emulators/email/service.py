"""Azure Communication Services e-mail over REST, with an outbox instead of delivery."""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import escape
from typing import Any

from aiohttp import web

from emulators import pages
from emulators.email.signature import problem_with
from emulators.faults import Fault, lose_answer, retry_after
from emulators.posted import as_list, as_object
from emulators.server import Emulator, answer

DEFAULT_KEY = base64.b64encode(hashlib.sha256(b"emulated e-mail access key").digest()).decode()
REPEATABLE_SECONDS = 300
RETRY_AFTER = {"retry-after": "1"}
MESSAGES = {
    "429": ("TooManyRequests", "Too many requests. Please retry after the given time."),
    "500": ("InternalServerError", "The service met an internal error."),
    "503": ("ServiceUnavailable", "The service is unavailable."),
}


class Email(Emulator):
    """`POST /emails:send` and `GET /emails/operations/{id}`, api-version 2025-09-01 and older.

    Further fault modes: 429, 500, 503 (with Retry-After), `error` (any `code` with an HTTP `status`, 400 by default),
    `failed` (accepted, then the operation fails with `code`), `lost` (sent, but the connection breaks after `seconds`
    before any answer).
    """

    name = "email"
    modes = ("429", "500", "503", "error", "failed", "lost")
    largest_body = 12 * 1024 * 1024

    def __init__(self, key: str, sender: str, running_polls: int) -> None:
        super().__init__()
        self.key, self.sender, self.running_polls = key, sender, running_polls
        self.mails: list[dict[str, Any]] = []
        self.operations: dict[str, dict[str, Any]] = {}
        self.repeatable: dict[str, str] = {}

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--key", default=DEFAULT_KEY, help="the access key, base64")
        parser.add_argument("--sender", default="studio@fashion.example", help="the sender to announce")
        parser.add_argument("--running-polls", type=int, default=2, help="polls answered Running")

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/emails:send", self.send),
            web.get("/emails/operations/{operation}", self.operation),
            web.get("/_emulator/outbox", self.outbox),
            web.get("/", self.page),
        ]

    def facts(self, url: str) -> dict[str, Any]:
        return {
            "accessKey": self.key,
            "connectionString": f"endpoint={url}/;accesskey={self.key}",
            "sender": self.sender,
        }

    def reset(self) -> None:
        super().reset()
        self.mails.clear()
        self.operations.clear()
        self.repeatable.clear()

    def status_answer(self, fault: Fault) -> web.Response | None:
        if fault.mode == "error":
            status, code = int(fault.options.get("status", 400)), str(fault.options.get("code", "BadRequest"))
            return _error(status, code, "An emulated error.", headers=retry_after(fault))
        if fault.mode not in MESSAGES:
            return None
        headers = retry_after(fault) or {"Retry-After": "1"}
        return _error(int(fault.mode), *MESSAGES[fault.mode], headers=headers)

    def _refused(self, request: web.Request, body: bytes) -> web.Response | None:
        if "api-version" not in request.query:
            return _error(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        if problem := problem_with(request, body, self.key):
            request["entry"]["problem"] = problem
            return _error(401, "Denied", f"Denied by the resource provider: {problem}")
        return None

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send an e-mail: 202 with the operation to poll."""
        raw = await request.read()
        if refused := self._refused(request, raw):
            return refused
        try:
            message = json.loads(raw)
            to, subject = _checked(message)
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            return _error(400, "BadRequest", f"The message is not valid: {wrong}")
        request["entry"] |= {"to": to, "subject": subject}
        fault, early = await self.early_answer(request, "send", f"{' '.join(to)}\n{subject}\n{raw.decode()}")
        if early:
            return early
        repeat = request.headers.get("Repeatability-Request-ID")
        if problem := _repeat_problem(repeat, request.headers.get("Repeatability-First-Sent")):
            return _error(*problem)
        known = self.repeatable.get(repeat or "")
        if known is None:
            operation = self._accept(message, to, subject, request, fault)
            if repeat:
                self.repeatable[repeat] = operation
        else:
            operation = known
            self.operations[known]["mail"]["requests"] += 1
        request["entry"]["operation"] = operation
        if fault and fault.mode == "lost":
            return await lose_answer(request, fault)
        location = f"http://{request.host}/emails/operations/{operation}?api-version={request.query['api-version']}"
        headers = {"Operation-Location": location, **RETRY_AFTER}
        if repeat:
            headers["Repeatability-Result"] = "accepted"
        return answer({"id": operation, "status": "Running", "error": None}, status=202, headers=headers)

    def _accept(
        self, message: dict[str, Any], to: list[str], subject: str, request: web.Request, fault: Fault | None
    ) -> str:
        operation = request.headers.get("Operation-Id") or str(uuid.uuid4())
        fails = str(fault.options.get("code", "EmailDropped")) if fault and fault.mode == "failed" else None
        content = as_object(message["content"])
        mail: dict[str, Any] = {
            "id": operation,
            "clientRequestId": request.headers.get("x-ms-client-request-id"),
            "at": datetime.now(UTC).isoformat(),
            "from": message["senderAddress"],
            "to": to,
            "subject": subject,
            "plainText": content.get("plainText"),
            "html": content.get("html"),
            "headers": as_object(message.get("headers")),
            "replyTo": [entry["address"] for entry in as_list(message.get("replyTo"))],
            "attachments": [entry.get("name") for entry in as_list(message.get("attachments"))],
            "status": "Running",
            "requests": 1,
        }
        self.mails.append(mail)
        self.operations[operation] = {"mail": mail, "polls": 0, "fails": fails}
        return operation

    async def operation(self, request: web.Request) -> web.StreamResponse:
        """Get an operation: Running for the first polls, then Succeeded or Failed."""
        if refused := self._refused(request, b""):
            return refused
        wanted = request.match_info["operation"]
        _, early = await self.early_answer(request, "operation", wanted)
        if early:
            return early
        operation = self.operations.get(wanted)
        if operation is None:
            return _error(404, "NotFound", f"The operation {wanted} was not found.")
        operation["polls"] += 1
        if operation["polls"] <= self.running_polls:
            return answer({"id": wanted, "status": "Running", "error": None}, headers=RETRY_AFTER)
        mail = operation["mail"]
        mail["status"] = "Failed" if operation["fails"] else "Succeeded"
        dropped = {"code": operation["fails"], "message": "The message was dropped."}
        reason = dropped if operation["fails"] else None
        return answer({"id": wanted, "status": mail["status"], "error": reason})

    async def outbox(self, request: web.Request) -> web.Response:
        """The accepted mails, oldest first; `?to=` keeps those to one address."""
        to = request.query.get("to", "").lower()
        mails = [mail for mail in self.mails if not to or to in [address.lower() for address in mail["to"]]]
        return answer({"messages": mails})

    async def page(self, request: web.Request) -> web.Response:
        """The outbox as a page."""
        shown = "".join(map(_shown, self.mails[::-1]))
        return pages.page("Outbox", f"{len(self.mails)} e-mails accepted, none delivered.", shown)


def _checked(message: dict[str, Any]) -> tuple[list[str], str]:
    recipients = as_object(message["recipients"])
    addresses: list[str] = [entry["address"] for kind in ("to", "cc", "bcc") for entry in as_list(recipients.get(kind))]
    if not addresses or not all("@" in address for address in addresses):
        raise ValueError("recipients need at least one address")
    if "@" not in message["senderAddress"]:
        raise ValueError("senderAddress is not an address")
    content = message["content"]
    if not content["subject"] or not (content.get("plainText") or content.get("html")):
        raise ValueError("content needs a subject and plainText or html")
    return addresses, content["subject"]


def _repeat_problem(repeat: str | None, first_sent: str | None) -> tuple[int, str, str] | None:
    """Repeatable requests as OASIS has them: both headers or neither, remembered for five minutes."""
    if repeat is None and first_sent is None:
        return None
    if not repeat or not first_sent:
        return 400, "BadRequest", "Repeatability-Request-ID and Repeatability-First-Sent belong together."
    try:
        age = (datetime.now(UTC) - parsedate_to_datetime(first_sent)).total_seconds()
        uuid.UUID(repeat)
    except (ValueError, TypeError):
        return 400, "BadRequest", "Repeatability-Request-ID is a UUID, Repeatability-First-Sent an HTTP date."
    if age > REPEATABLE_SECONDS:
        return 412, "PreconditionFailed", "Repeatability-First-Sent is older than five minutes."
    return None


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return answer({"error": {"code": code, "message": message}}, status=status, headers=headers)


def _shown(mail: dict[str, Any]) -> str:
    about = pages.facts(
        {
            "To": ", ".join(mail["to"]),
            "From": mail["from"],
            "At": mail["at"][:19].replace("T", " "),
            "Status": mail["status"],
            "Attachments": ", ".join(filter(None, mail["attachments"])),
        }
    )
    if mail["html"]:
        body = f'<iframe sandbox title="message" srcdoc="{escape(mail["html"])}"></iframe>'
    else:
        body = f"<pre>{escape(mail['plainText'] or '')}</pre>"
    return f"<article><h2>{escape(mail['subject'])}</h2>{about}{body}</article>"
