"""PayPal's error bodies."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from emulators.server import answer

DESCRIPTIONS = {
    "INSTRUMENT_DECLINED": "The instrument presented was declined by the processor or bank, or it can't be used.",
    "ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment.",
    "PAYER_ACTION_REQUIRED": "Payer needs to perform the following action before proceeding with payment.",
    "ORDER_ALREADY_CAPTURED": "Order already captured.",
    "ORDER_VOIDED": "The order has been voided and can no longer be captured.",
    "DUPLICATE_INVOICE_ID": "Requested invoice number has been previously captured. Possible duplicate transaction.",
    "AMOUNT_MISMATCH": "Should equal item_total + tax_total + shipping + handling + insurance - discounts.",
    "CURRENCY_NOT_SUPPORTED": "Currency code is not currently supported.",
    "DECIMAL_PRECISION": "If the currency supports decimals, only two decimal places are supported.",
    "UNSUPPORTED_INTENT": "The emulator knows the intent CAPTURE only.",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "The maximum number of payment attempts has been exceeded.",
    "REFUND_AMOUNT_EXCEEDED": "The refund amount must be less than or equal to the capture amount not yet refunded.",
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "Refund must be in the same currency as the capture.",
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded.",
    "REFUND_NOT_PERMITTED_DUE_TO_CAPTURE_STATUS": "Only a completed capture can be refunded.",
    "PREVIOUS_REQUEST_IN_PROGRESS": "A previous request on this resource is currently in progress.",
}
NAMES = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: ("AUTHENTICATION_FAILURE", "Authentication failed due to missing or invalid authentication credentials."),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    422: ("UNPROCESSABLE_ENTITY", "The requested action could not be performed, semantically incorrect, or failed."),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error has occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}


class Problem(Exception):
    """A refusal: HTTP status, and the issue in its details."""

    def __init__(self, status: int, issue: str, description: str | None = None, field: str | None = None) -> None:
        super().__init__(issue)
        self.status, self.issue = status, issue
        self.description = description or DESCRIPTIONS.get(issue, issue)
        self.field = field


def refusal(problem: Problem, links: list[dict[str, str]] | None = None) -> web.Response:
    """The error object of the REST APIs for a refusal."""
    name, message = NAMES[problem.status]
    detail = {"issue": problem.issue, "description": problem.description}
    if problem.field:
        detail["field"] = problem.field
    return failure(problem.status, name, message, [detail], links)


def failure(
    status: int,
    name: str | None = None,
    message: str | None = None,
    details: list[dict[str, str]] | None = None,
    links: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> web.Response:
    """The error object of the REST APIs; name and message default to those of the status."""
    usual = NAMES.get(status, NAMES[500])
    body: dict[str, Any] = {
        "name": name or usual[0],
        "message": message or usual[1],
        "debug_id": secrets.token_hex(7),
        "links": links or [],
    }
    if details:
        body["details"] = details
    return answer(body, status=status, headers=headers)
