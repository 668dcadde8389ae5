"""Twilio's Messages resource over REST, with an outbox instead of delivery."""

from __future__ import annotations

import argparse
import base64
import hmac
import math
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import Any

from aiohttp import web

from emulators import pages
from emulators.faults import Fault, lose_answer, retry_after
from emulators.server import Emulator, answer

MAGIC = {
    "+15005550001": (21211, "The 'To' number {to} is not a valid phone number."),
    "+15005550002": (21612, "The 'To' phone number {to} is not currently reachable."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region of {to}."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550008": (21635, "'To' number {to} cannot be a landline"),
    "+15005550009": (21614, "To number {to} is not a mobile number"),
}
"""Recipients with a fixed refusal, as Twilio keeps them for tests: twilio.com/docs/iam/test-credentials."""
STATUS_MODES = {
    "429": (20429, "Too Many Requests"),
    "500": (20500, "Internal Server Error"),
    "503": (20503, "Service unavailable"),
}
GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = frozenset("^{}\\[~]|€\f")


class Sms(Emulator):
    """`POST /2010-04-01/Accounts/{sid}/Messages.json` and `GET .../Messages/{sid}.json`.

    Further fault modes: 429, 500, 503, `error` (any `code` of Twilio with an HTTP `status`, 400 by default),
    `undelivered` (accepted, and ends in `status`, `undelivered` by default, with `code` as its error), and `lost`
    (sent, but the connection breaks after `seconds` before any answer). Numbers listed in MAGIC are refused as Twilio's
    test numbers are; 21610 is "opted out".
    """

    name = "sms"
    modes = (*STATUS_MODES, "error", "undelivered", "lost")

    def __init__(self, account: str, token: str, sender: str) -> None:
        super().__init__()
        self.account, self.token, self.sender = account, token, sender
        self.messages: list[dict[str, Any]] = []
        self.ends: dict[str, tuple[str, int | None]] = {}
        """By message: the status that it ends in, and its error."""

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--account", default="AC" + "e" * 32, help="the account SID")
        parser.add_argument("--token", default="emulated-twilio-token", help="the auth token")
        parser.add_argument("--sender", default="+15005550006", help="the sender's number to announce")

    def routes(self) -> Iterable[web.RouteDef]:
        account = "/2010-04-01/Accounts/{account}"
        return [
            web.post(account + "/Messages.json", self.send),
            web.get(account + "/Messages/{sid}.json", self.message),
            web.get("/_emulator/outbox", self.outbox),
            web.get("/", self.page),
        ]

    def facts(self, url: str) -> dict[str, Any]:
        return {"accountSid": self.account, "authToken": self.token, "sender": self.sender}

    def reset(self) -> None:
        super().reset()
        self.messages.clear()
        self.ends.clear()

    def status_answer(self, fault: Fault) -> web.Response | None:
        if fault.mode == "error":
            status, code = int(fault.options.get("status", 400)), int(fault.options.get("code", 20001))
            return _error(status, code, "An emulated error.", headers=retry_after(fault))
        if fault.mode not in STATUS_MODES:
            return None
        return _error(int(fault.mode), *STATUS_MODES[fault.mode], headers=retry_after(fault))

    def _refused(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "").encode()
        expected = b"Basic " + base64.b64encode(f"{self.account}:{self.token}".encode())
        if not hmac.compare_digest(given, expected) or request.match_info["account"] != self.account:
            return _error(401, 20003, "Authenticate")
        return None

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Queue a message: 201, or the code Twilio gives for what is wrong with it."""
        if refused := self._refused(request):
            return refused
        form = await request.post()
        to, sender, body = (str(form.get(name, "")) for name in ("To", "From", "Body"))
        sender = sender or str(form.get("MessagingServiceSid", ""))
        request["entry"] |= {"to": to, "length": len(body)}
        fault, early = await self.early_answer(request, "send", f"{to}\n{body}")
        if early:
            return early
        if problem := _problem(to, sender, body):
            return _error(400, *problem)
        message = self._queued(to, sender, body)
        request["entry"]["sid"] = message["sid"]
        if fault and fault.mode == "undelivered":
            code = fault.options.get("code")
            status = str(fault.options.get("status", "undelivered"))
            self.ends[message["sid"]] = (status, None if code is None else int(code))
        if fault and fault.mode == "lost":
            return await lose_answer(request, fault)
        return answer(message, status=201)

    def _queued(self, to: str, sender: str, body: str) -> dict[str, Any]:
        sid = "SM" + secrets.token_hex(16)
        now = format_datetime(datetime.now(UTC))
        service = sender.startswith("MG")
        message: dict[str, Any] = {
            "sid": sid,
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": body,
            "date_created": now,
            "date_sent": None,
            "date_updated": now,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None if service else sender,
            "messaging_service_sid": sender if service else None,
            "num_media": "0",
            "num_segments": str(segments(body)),
            "price": None,
            "price_unit": "USD",
            "status": "queued",
            "subresource_uris": {},
            "to": to,
            "uri": f"/2010-04-01/Accounts/{self.account}/Messages/{sid}.json",
        }
        self.messages.append(message)
        return message

    async def message(self, request: web.Request) -> web.StreamResponse:
        """Get a message: `sent` at the first request, from the second on as it ends, which is `delivered`."""
        if refused := self._refused(request):
            return refused
        sid = request.match_info["sid"]
        _, early = await self.early_answer(request, "message", sid)
        if early:
            return early
        for message in self.messages:
            if message["sid"] == sid:
                now = format_datetime(datetime.now(UTC))
                status, code = self.ends.get(sid, ("delivered", None))
                if message["date_sent"] is None:
                    status, code = "sent", None
                message["date_sent"] = message["date_sent"] or now
                message |= {"status": status, "error_code": code, "date_updated": now}
                return answer(message)
        return _error(404, 20404, f"The requested resource {request.path} was not found")

    async def outbox(self, request: web.Request) -> web.Response:
        """The queued messages, oldest first; `?to=` (its + written %2B) keeps those to one number."""
        to = request.query.get("to", "").strip().lstrip("+")
        found = [message for message in self.messages if not to or message["to"].lstrip("+") == to]
        return answer({"messages": found})

    async def page(self, request: web.Request) -> web.Response:
        """The outbox as a page."""
        shown = "".join(map(_shown, self.messages[::-1]))
        return pages.page("Text messages", f"{len(self.messages)} messages queued, none sent.", shown)


def segments(body: str) -> int:
    """How many SMS a text takes: 160 or 153 characters each in GSM 03.38, else 70 or 67 in UCS-2."""
    if all(char in GSM7 or char in GSM7_EXTENSION for char in body):
        length, whole, part = sum(2 if char in GSM7_EXTENSION else 1 for char in body), 160, 153
    else:
        length, whole, part = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= whole else math.ceil(length / part)


def _problem(to: str, sender: str, body: str) -> tuple[int, str] | None:
    if not to:
        return 21604, "A 'To' phone number is required."
    if not sender:
        return 21603, "A 'From' phone number is required."
    if not body:
        return 21602, "Message body is required."
    if len(body) > 1600:
        return 21617, "The concatenated message body exceeds the 1600 character limit."
    if to in MAGIC:
        code, text = MAGIC[to]
        return code, text.format(to=to)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
        return 21211, f"The 'To' number {to} is not a valid phone number."
    if not re.fullmatch(r"\+[1-9]\d{6,14}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11}", sender):
        return 21212, f"The 'From' number {sender} is not a valid phone number or sender ID."
    return None


def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more, "status": status}
    return answer(body, status=status, headers=headers)


def _shown(message: dict[str, Any]) -> str:
    about = pages.facts(
        {
            "From": message["from"] or message["messaging_service_sid"],
            "At": message["date_created"],
            "Status": message["status"],
            "Segments": message["num_segments"],
        }
    )
    return f"<article><h2>{escape(message['to'])}</h2>{about}<pre>{escape(message['body'])}</pre></article>"
