"""PayPal's REST API as far as the shop needs it: OAuth, Orders v2, Payments v2, webhook verification.

Every answer is one of three: what was asked for, `Refused` (PayPal said no, nothing happened), or `Unreachable`
(nobody knows: a timeout, a 5xx, or something that is not PayPal's JSON). Only a caller can tell what to make of the
third, so nothing that moves money is repeated here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from shared import clock, telemetry
from shared.errors import ConfigurationError, UpstreamError
from shared.settings import settings

if TYPE_CHECKING:
    import requests

MAX_BYTES = 1024 * 1024
EARLY_S = 60
"""A token is replaced this long before it ends."""
NAMESPACE = UUID("6f2b0c1e-5e0a-4c55-9d0e-2b1f0a7d7c11")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def request_id(act: str) -> str:
    """The `PayPal-Request-Id` of an act (`capture:<order>` say): the same act, the same id, always."""
    return str(uuid5(NAMESPACE, act))


class Refused(UpstreamError):
    """PayPal answered 4xx: what was asked for did not happen.

    `issue` is the first of `details[].issue`, or the error's name; `links` are the error's links by `rel`.
    """

    code, retryable = "paypal_refused", False

    def __init__(self, http_status: int, issue: str, links: Mapping[str, str] | None = None) -> None:
        super().__init__(f"PayPal refused: {issue}", details={"issue": issue})
        self.http_status, self.issue, self.links = http_status, issue, dict(links or {})


class Unreachable(UpstreamError):
    """No usable answer: what was asked for may have happened or not."""

    code = "paypal_unavailable"


class PayPal:
    """One merchant's PayPal. Thread-safe; one token for all threads, minted by one of them.

    Args:
        timeout_s: to connect, and between two reads.
    """

    def __init__(self, base_url: str, client_id: str, client_secret: str, timeout_s: float) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        self._base = base_url.rstrip("/")
        self._credentials = (client_id, client_secret)
        self._timeout = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=32))
        self._minting = threading.Lock()
        self._token: tuple[str, float] | None = None

    def create_order(self, order: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Make an order; the same key makes it once (6 h), so a lost answer is asked for again."""
        return self._call("POST", "/v2/checkout/orders", order, key=key, tries=2)

    def order(self, order_id: str) -> dict[str, Any]:
        """An order with its captures and refunds."""
        return self._call("GET", f"/v2/checkout/orders/{_checked(order_id)}", tries=2)

    def capture_order(self, order_id: str, key: str) -> dict[str, Any]:
        """Take the money of an approved order."""
        return self._call("POST", f"/v2/checkout/orders/{_checked(order_id)}/capture", {}, key=key)

    def capture(self, capture_id: str) -> dict[str, Any]:
        """A capture, with the id of its order."""
        return self._call("GET", f"/v2/payments/captures/{_checked(capture_id)}", tries=2)

    def refund(self, capture_id: str, refund: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Give money back; the same key gives it back once (45 days)."""
        return self._call("POST", f"/v2/payments/captures/{_checked(capture_id)}/refund", refund, key=key)

    def genuine(self, headers: Mapping[str, str], body: bytes, webhook_id: str) -> bool:
        """Ask PayPal whether a webhook delivery is its own.

        The event goes back byte for byte: parsed and written again it would have another checksum.
        """
        facts = {
            "auth_algo": headers["PAYPAL-AUTH-ALGO"],
            "cert_url": headers["PAYPAL-CERT-URL"],
            "transmission_id": headers["PAYPAL-TRANSMISSION-ID"],
            "transmission_sig": headers["PAYPAL-TRANSMISSION-SIG"],
            "transmission_time": headers["PAYPAL-TRANSMISSION-TIME"],
            "webhook_id": webhook_id,
        }
        raw = json.dumps(facts)[:-1].encode() + b', "webhook_event": ' + body + b"}"
        answer = self._call("POST", "/v1/notifications/verify-webhook-signature", raw, tries=2)
        return answer.get("verification_status") == "SUCCESS"

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, *, key: str | None = None,
        tries: int = 1,
    ) -> dict[str, Any]:  # fmt: skip
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Prefer": "return=representation"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["PayPal-Request-Id"] = key
        fresh_token = False
        while True:
            token = self._bearer()
            try:
                status, answer = self._send(method, path, data, {**headers, "Authorization": f"Bearer {token}"})
            except Unreachable as lost:
                tries -= 1
                if tries > 0 and not lost.retry_after:
                    continue
                raise
            if status < 300:
                return answer
            if status == 401 and not fresh_token:
                fresh_token = True
                self._drop(token)
                continue
            raise _refusal(status, answer)

    def _send(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: Mapping[str, str],
        auth: tuple[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """One request: (status below 500, JSON object). Raises Unreachable."""
        import requests
        import urllib3

        try:
            with self._session.request(
                method, self._base + path, data=data, headers=headers, auth=auth, timeout=self._timeout,
                allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                raw = response.raw.read(MAX_BYTES + 1, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            telemetry.log("paypal.lost", level="warning", method=method, path=path, error=type(error).__name__)
            raise Unreachable("PayPal did not answer") from None
        return response.status_code, _object(response, raw, path)

    def _bearer(self) -> str:
        with self._minting:
            if self._token is None or self._token[1] <= clock.now():
                self._token = self._mint()
            return self._token[0]

    def _drop(self, token: str) -> None:
        """Forget a token that was refused, unless another thread has a newer one already."""
        with self._minting:
            if self._token is not None and self._token[0] == token:
                self._token = None

    def _mint(self) -> tuple[str, float]:
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        body = b"grant_type=client_credentials"
        status, answer = self._send("POST", "/v1/oauth2/token", body, headers, auth=self._credentials)
        token, lifetime = answer.get("access_token"), answer.get("expires_in")
        if status != 200 or not isinstance(token, str) or not isinstance(lifetime, int | float):
            telemetry.log("paypal.credentials", level="error", status=status)
            raise UpstreamError("PayPal does not take our credentials", code="paypal_credentials")
        telemetry.count("studio_paypal_tokens")
        return token, clock.now() + max(lifetime - EARLY_S, lifetime / 2)


def _checked(id: str) -> str:
    if not _ID.fullmatch(id):
        raise Refused(404, "INVALID_RESOURCE_ID")
    return id


def _object(response: requests.Response, raw: bytes, path: str) -> dict[str, Any]:
    status = response.status_code
    wait = response.headers.get("Retry-After", "")
    if status == 429:
        raise Unreachable(
            "PayPal asks us to slow down", code="paypal_rate_limited", retry_after=float(wait) if wait.isdigit() else 30
        )
    try:
        answer = json.loads(raw) if 200 <= status < 300 or 400 <= status < 500 else None
    except (ValueError, RecursionError):
        answer = None
    if len(raw) > MAX_BYTES or not isinstance(answer, dict):
        telemetry.log("paypal.unusable", level="warning", path=path, status=status, size=len(raw))
        raise Unreachable(f"PayPal gave no usable answer ({status})")
    return answer


def _refusal(status: int, answer: Mapping[str, Any]) -> Refused:
    details = answer.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    issue = first.get("issue") or answer.get("name") or answer.get("error") or f"HTTP_{status}"
    return Refused(status, str(issue)[:100], links(answer))


def links(answer: Mapping[str, Any]) -> dict[str, str]:
    """The links of an answer by `rel`."""
    found = answer.get("links")
    return {
        link["rel"]: link["href"]
        for link in (found if isinstance(found, list) else [])
        if isinstance(link, dict) and isinstance(link.get("rel"), str) and isinstance(link.get("href"), str)
    }


@cache
def client() -> PayPal:
    """The client of this process.

    Raises:
        ConfigurationError: the merchant's credentials are not set.
    """
    conf = settings()
    if conf.paypal_client_id is None or conf.paypal_client_secret is None or conf.paypal_merchant_id is None:
        raise ConfigurationError("set PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET and PAYPAL_MERCHANT_ID to take payments")
    return PayPal(
        conf.paypal_base_url,
        conf.paypal_client_id,
        conf.paypal_client_secret.get_secret_value(),
        conf.paypal_timeout_s,
    )
