"""A client of PayPal's REST API as far as the shop needs it: OAuth, Orders v2, Payments v2, webhook verification.

Every call ends in one of three ways: with what was asked for, with `PayPalRefusedError` (PayPal said no, nothing
happened), or with `PayPalUnavailableError` (the outcome is unknown: a timeout, a 5xx, or something that is not PayPal's
JSON). Only the caller knows what to make of the third, so nothing that moves money is repeated here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from pydantic import ValidationError

from shared import clock, telemetry
from shared.commerce.paypal_errors import PROVIDER, of_refusal
from shared.commerce.paypal_models import (
    AccessToken,
    Capture,
    ErrorBody,
    NewOrder,
    NewRefund,
    Order,
    PayPalModel,
    Verification,
    WebhookSignature,
    find_link,
)
from shared.commerce.paypal_settings import paypal_settings
from shared.errors import ConfigurationError, OperatorActionNeeded, UpstreamError
from shared.provider_errors import LONGEST_WAIT_S, Blame, seconds_asked
from shared.providers import circuit

if TYPE_CHECKING:
    import requests

MAX_BYTES: Final = 1024 * 1024
TOKEN_MARGIN_S: Final = 60
"""A token is replaced this many seconds before it ends, so that it does not end on the way."""
RATE_LIMIT_WAIT_S: Final = 30
"""Seconds to wait after a 429 that does not say how long."""
NAMESPACE: Final = UUID("6f2b0c1e-5e0a-4c55-9d0e-2b1f0a7d7c11")
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def request_id(action: str) -> str:
    """The `PayPal-Request-Id` of an action (`capture:<order>`, for example): the same action has always the same id."""
    return str(uuid5(NAMESPACE, action))


class PayPalRefusedError(UpstreamError):
    """PayPal answered 4xx: what was asked for did not happen.

    `name` is the first of `details[].issue`, or the error's name; `issue` is its row of `paypal_errors`; `approval_url`
    is where the payer can act, if the error says so.
    """

    code, retryable = "paypal_refused", False

    def __init__(self, http_status: int, name: str, approval_url: str | None = None) -> None:
        super().__init__(f"PayPal refused: {name}", details={"issue": name})
        self.http_status, self.name, self.approval_url = http_status, name, approval_url
        self.issue = of_refusal(http_status, name)

    @property
    def is_missing(self) -> bool:
        """Whether PayPal does not know what was asked for."""
        return self.name in ("INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND")


class PayPalUnavailableError(UpstreamError):
    """No usable answer: what was asked for may have happened or not."""

    code = "paypal_unavailable"


class PaymentMismatchError(UpstreamError):
    """What PayPal has is not what was ordered: another amount, currency, payee or payment. Nothing changes."""

    code, retryable = "payment_mismatch", False


class PayPal:
    """One merchant's PayPal. Thread-safe; all threads share one token, minted by one of them.

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

    def create_order(self, order: NewOrder, key: str) -> Order:
        """Create an order; the same key creates it once (for 6 h), so a lost answer is asked for again."""
        return _parsed(Order, self._call("POST", "/v2/checkout/orders", _body(order), key=key, tries=2))

    def get_order(self, order_id: str) -> Order:
        """An order with its captures and refunds."""
        return _parsed(Order, self._call("GET", f"/v2/checkout/orders/{_checked(order_id)}", tries=2))

    def capture_order(self, order_id: str, key: str) -> None:
        """Take the money of an approved order; `get_order` shows how it ended."""
        self._call("POST", f"/v2/checkout/orders/{_checked(order_id)}/capture", b"{}", key=key)

    def get_capture(self, capture_id: str) -> Capture:
        """A capture, with the id of its order."""
        return _parsed(Capture, self._call("GET", f"/v2/payments/captures/{_checked(capture_id)}", tries=2))

    def refund_capture(self, capture_id: str, refund: NewRefund, key: str) -> None:
        """Give money back; the same key gives it back once (for 45 days)."""
        self._call("POST", f"/v2/payments/captures/{_checked(capture_id)}/refund", _body(refund), key=key)

    def is_genuine(self, signature: WebhookSignature, body: bytes, webhook_id: str) -> bool:
        """Ask PayPal whether it signed a webhook delivery.

        The event goes back byte for byte: parsed and written again it would have another checksum.
        """
        facts = json.dumps({**signature.model_dump(), "webhook_id": webhook_id})
        raw = facts[:-1].encode() + b', "webhook_event": ' + body + b"}"
        answer = self._call("POST", "/v1/notifications/verify-webhook-signature", raw, tries=2)
        return _parsed(Verification, answer).verification_status == "SUCCESS"

    def _call(
        self, method: str, path: str, data: bytes | None = None, *, key: str | None = None, tries: int = 1
    ) -> dict[str, Any]:
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
            except PayPalUnavailableError as lost:
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
        """One request: (status below 500, JSON object). Raises PayPalUnavailableError."""
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
            raise PayPalUnavailableError("PayPal did not answer") from None
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
        data = b"grant_type=client_credentials"
        status, answer = self._send("POST", "/v1/oauth2/token", data, headers, auth=self._credentials)
        if status != 200:
            telemetry.log("paypal.credentials", level="error", status=status)
            raise _refusal(status, answer)
        try:
            minted = AccessToken.model_validate(answer)
        except ValueError:
            raise PayPalUnavailableError("PayPal gave no usable token") from None
        telemetry.count("studio_paypal_tokens")
        lifetime = minted.expires_in
        return minted.access_token, clock.now() + max(lifetime - TOKEN_MARGIN_S, lifetime / 2)


def _body(model: PayPalModel) -> bytes:
    return model.model_dump_json(exclude_none=True).encode()


def _checked(id: str) -> str:
    if not _ID.fullmatch(id):
        raise PayPalRefusedError(404, "INVALID_RESOURCE_ID")
    return id


def _object(response: requests.Response, raw: bytes, path: str) -> dict[str, Any]:
    status = response.status_code
    wait = seconds_asked(response.headers.get("Retry-After"))
    if status == 429:
        raise PayPalUnavailableError(
            "PayPal asks us to slow down",
            code="paypal_rate_limited",
            retry_after=RATE_LIMIT_WAIT_S if wait is None else min(wait, LONGEST_WAIT_S),
        )
    try:
        answer = json.loads(raw) if 200 <= status < 300 or 400 <= status < 500 else None
    except (ValueError, RecursionError):
        answer = None
    if len(raw) > MAX_BYTES or not isinstance(answer, dict):
        telemetry.log("paypal.unusable", level="warning", path=path, status=status, size=len(raw))
        raise PayPalUnavailableError(f"PayPal gave no usable answer ({status})")
    return answer


def _parsed[T: PayPalModel](model: type[T], answer: Mapping[str, Any]) -> T:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)})
        telemetry.log("paypal.unknown_shape", level="error", model=model.__name__, fields=fields)
        raise PaymentMismatchError(f"PayPal's {model.__name__.lower()} is not of the expected shape") from None


def _refusal(status: int, answer: Mapping[str, Any]) -> PayPalRefusedError:
    try:
        error = ErrorBody.model_validate(answer)
    except ValidationError:
        error = ErrorBody()
    name = error.issue or f"HTTP_{status}"
    return PayPalRefusedError(status, name[:100], find_link(error.links, "payer-action", "approve"))


@contextmanager
def guarded(*, hold: bool = False) -> Generator[None]:
    """Run calls of PayPal under its circuit, which opens when PayPal refuses the merchant's account.

    Args:
        hold: whether calls are held back while it is open; not where a payer waits.

    Raises:
        OperatorActionNeeded: it refuses the account; administrators are alerted once.
    """
    with circuit.guarded(PROVIDER, hold=hold):
        try:
            yield
        except PayPalRefusedError as refused:
            if refused.issue.blame is Blame.OPERATOR and refused.issue.account_wide:
                raise OperatorActionNeeded(PROVIDER, refused.name) from None
            raise


@cache
def client() -> PayPal:
    """The client of this process.

    Raises:
        ConfigurationError: the merchant's credentials are not set.
    """
    conf = paypal_settings()
    if conf.paypal_client_id is None or conf.paypal_client_secret is None or conf.paypal_merchant_id is None:
        raise ConfigurationError("set PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET and PAYPAL_MERCHANT_ID to take payments")
    return PayPal(
        conf.paypal_base_url,
        conf.paypal_client_id,
        conf.paypal_client_secret.get_secret_value(),
        conf.paypal_timeout_s,
    )
