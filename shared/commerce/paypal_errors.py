"""The documented issues of PayPal's Orders v2 and Payments v2, and what the payer can do about each.

A refusal of the payer is an answer: it names a way on, which is to open the approval page again (another funding
source, same order) or to make a new order. Sources: developer.paypal.com/api/rest/reference/orders/v2/errors,
.../payments/v2/errors, .../api/rest/responses, and PayPal's OpenAPI documents
(github.com/paypal/paypal-rest-api-specifications, `orders.capture-422` and the like).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.provider_errors import Blame

PROVIDER: Final = "paypal"
_ORDERS: Final = "https://developer.paypal.com/api/rest/reference/orders/v2/errors"
_PAYMENTS: Final = "https://developer.paypal.com/api/rest/reference/payments/v2/errors"
_RESPONSES: Final = "https://developer.paypal.com/api/rest/responses"
_OAUTH: Final = "https://developer.paypal.com/api/rest/authentication"


class Way(StrEnum):
    """What leads on after a refusal."""

    APPROVE = "approve"
    """The payer opens the approval page of the same order: confirms, or chooses another way to pay."""
    NEW_ORDER = "new_order"
    """This order can't be paid any more."""
    RECONCILE = "reconcile"
    """The order has moved meanwhile: what PayPal has decides."""
    WAIT = "wait"
    """The same request can succeed later."""
    NONE = "none"
    """Nothing that the caller can do."""


@dataclass(frozen=True)
class Issue:
    """One documented issue.

    Args:
        name: as PayPal writes it.
        code, message: what the payer, or for a refund the administrator, reads.
        account_wide: an operator's issue that every order would meet.
    """

    name: str
    blame: Blame
    way: Way
    code: str
    message: str
    source: str
    account_wide: bool = False


def _payer(names: tuple[str, ...], way: Way, code: str, message: str) -> Iterator[Issue]:
    for name in names:
        yield Issue(name, Blame.USER, way, code, message, _ORDERS)


def _operator(names: tuple[str, ...], source: str, *, account_wide: bool = False) -> Iterator[Issue]:
    for name in names:
        message = "payments are temporarily unavailable: try again later"
        yield Issue(name, Blame.OPERATOR, Way.WAIT, "temporarily_unavailable", message, source, account_wide)


def _capture_issues() -> Iterator[Issue]:
    yield from _payer(
        ("INSTRUMENT_DECLINED",), Way.APPROVE, "instrument_declined",
        "the bank declined: choose another way to pay at PayPal",
    )  # fmt: skip
    yield from _payer(
        ("ORDER_NOT_APPROVED",), Way.APPROVE, "order_not_approved",
        "the order is not approved yet: approve it at PayPal",
    )  # fmt: skip
    yield from _payer(
        ("PAYER_ACTION_REQUIRED", "CONSENT_NEEDED", "PAYER_CONSENT_REQUIRED", "PAYER_AUTHENTICATION_REQUIRED"),
        Way.APPROVE, "order_not_approved", "PayPal needs you to confirm the payment: open the approval page",
    )  # fmt: skip
    yield from _payer(
        (
            "TRANSACTION_REFUSED", "PAYER_CANNOT_PAY", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
            "PAYEE_BLOCKED_TRANSACTION", "TRANSACTION_BLOCKED_BY_PAYEE", "COMPLIANCE_VIOLATION",
            "CARD_BRAND_NOT_SUPPORTED", "CARD_EXPIRED", "CARD_CLOSED", "REFERENCED_CARD_EXPIRED",
            "DOMESTIC_TRANSACTION_REQUIRED", "TRANSACTION_LIMIT_EXCEEDED", "PAYMENT_SOURCE_NOT_SUPPORTED",
            "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR", "PAYMENT_SOURCE_CANNOT_BE_USED",
            "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED", "ALIAS_DECLINED_BY_PROCESSOR", "BILLING_ADDRESS_INVALID",
            "INVALID_PAYER_ID", "INVALID_EXPIRY_DATE", "INVALID_GOOGLE_PAY_TOKEN",
            "PAYMENT_DENIED", "RISK_N_SANCTIONS_FAILURE", "BANK_NOT_SUPPORTED_FOR_VERIFICATION",
            "CURRENCY_NOT_SUPPORTED_FOR_BANK", "INVALID_IBAN", "IBAN_COUNTRY_NOT_SUPPORTED",
            "INVALID_SECURITY_CODE_LENGTH", "AGREEMENT_ALREADY_CANCELLED", "BILLING_AGREEMENT_NOT_FOUND",
            "TOKEN_ID_NOT_FOUND", "TOKEN_EXPIRED", "PAYPAL_TRANSACTION_ID_EXPIRED", "PAYPAL_TRANSACTION_ID_NOT_FOUND",
            "PNREF_EXPIRED", "PNREF_NOT_FOUND", "IDENTIFIER_NOT_FOUND", "INVALID_PREVIOUS_TRANSACTION_REFERENCE",
            "PREVIOUS_TRANSACTION_REFERENCE_HAS_CHARGEBACK", "PREVIOUS_TRANSACTION_REFERENCE_VOIDED",
            "PAYMENT_SOURCE_MISMATCH", "SHIPPING_ADDRESS_INVALID", "INVALID_PICKUP_ADDRESS",
            "PLATFORM_FEE_PAYEE_CANNOT_BE_SAME_AS_PAYER", "APPLE_PAY_AMOUNT_MISMATCH",
        ),
        Way.APPROVE, "payment_refused", "PayPal refused the payment: choose another way to pay at PayPal",
    )  # fmt: skip
    yield from _payer(
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "PAYER_ACCOUNT_RESTRICTED"), Way.APPROVE, "payer_account_restricted",
        "this PayPal account can't pay: use another one, or ask PayPal",
    )  # fmt: skip
    yield from _payer(
        ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",), Way.NEW_ORDER, "payment_attempts_exceeded",
        "too many attempts: make a new order",
    )  # fmt: skip
    yield from _payer(
        ("PAYEE_FX_RATE_ID_EXPIRED", "DECLINED_DUE_TO_RELATED_TXN"), Way.NEW_ORDER, "payment_refused",
        "PayPal refused the payment: make a new order",
    )  # fmt: skip
    yield from _payer(
        (
            "ORDER_VOIDED", "ORDER_EXPIRED", "ORDER_CANNOT_BE_CONFIRMED", "ORDER_COMPLETED_OR_VOIDED",
            "ORDER_PREVIOUSLY_VOIDED", "INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND", "AUTHORIZATION_VOIDED",
        ),
        Way.RECONCILE, "order_voided", "the order has expired: make a new one",
    )  # fmt: skip
    yield from _payer(
        ("ORDER_ALREADY_CAPTURED", "ORDER_ALREADY_COMPLETED", "DUPLICATE_INVOICE_ID", "AUTHORIZATION_ALREADY_CAPTURED"),
        Way.RECONCILE, "order_captured", "the order is paid already",
    )  # fmt: skip
    in_progress = "PayPal is still working on this order: try again in a moment"
    for name in ("ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS", "RESOURCE_CONFLICT"):
        yield Issue(name, Blame.TRANSIENT, Way.RECONCILE, "paypal_unavailable", in_progress, _ORDERS)
    for name in ("INTERNAL_SERVER_ERROR", "INTERNAL_SERVICE_ERROR", "SERVICE_UNAVAILABLE", "RATE_LIMIT_REACHED"):
        yield Issue(name, Blame.TRANSIENT, Way.WAIT, "paypal_unavailable", "PayPal is busy or failing", _RESPONSES)


def _operator_issues() -> Iterator[Issue]:
    yield from _operator(("invalid_client", "invalid_scope", "unsupported_grant_type"), _OAUTH, account_wide=True)
    yield from _operator(
        (
            "AUTHENTICATION_FAILURE", "NOT_AUTHORIZED", "PERMISSION_DENIED", "INVALID_ACCOUNT_STATUS",
            "PAYEE_ACCOUNT_LOCKED_OR_CLOSED", "PAYEE_ACCOUNT_RESTRICTED", "PAYEE_ACCOUNT_INVALID",
            "PAYEE_ACCOUNT_NOT_SUPPORTED", "PAYEE_ACCOUNT_NOT_VERIFIED", "AUTH_CAPTURE_NOT_ENABLED",
            "TRANSACTION_RECEIVING_LIMIT_EXCEEDED", "PAYEE_NOT_CONSENTED",
        ),
        _ORDERS, account_wide=True,
    )  # fmt: skip
    yield from _operator(
        (
            "NOT_ENABLED_FOR_BANK_PROCESSING", "NOT_ENABLED_FOR_CARD_PROCESSING",
            "PAYEE_NOT_ENABLED_FOR_BANK_PROCESSING", "PAYEE_NOT_ENABLED_FOR_CARD_PROCESSING", "SETUP_ERROR_FOR_BANK",
            "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING", "NOT_ELIGIBLE_FOR_PNREF_PROCESSING",
            "NOT_ELIGIBLE_FOR_PAYPAL_TRANSACTION_ID_PROCESSING", "PERMISSION_DENIED_FOR_DONATION_ITEMS",
            "INVALID_REQUEST", "INVALID_PARAMETER_VALUE", "MISSING_REQUIRED_PARAMETER",
            "INVALID_STRING_LENGTH", "INVALID_STRING_MAX_LENGTH", "INVALID_PARAMETER_SYNTAX", "MALFORMED_REQUEST_JSON",
            "INVALID_ARRAY_MAX_ITEMS", "INVALID_ARRAY_MIN_ITEMS", "NOT_SUPPORTED", "UNSUPPORTED_INTENT",
            "AMOUNT_MISMATCH", "CURRENCY_NOT_SUPPORTED", "INVALID_CURRENCY_CODE", "CURRENCY_MISMATCH",
            "CANNOT_BE_NEGATIVE", "CANNOT_BE_ZERO_OR_NEGATIVE", "DECIMAL_PRECISION", "DECIMALS_NOT_SUPPORTED",
            "ITEM_TOTAL_MISMATCH", "ITEM_TOTAL_REQUIRED", "TAX_TOTAL_MISMATCH", "REFERENCE_ID_REQUIRED",
            "DUPLICATE_REFERENCE_ID", "CITY_REQUIRED", "POSTAL_CODE_REQUIRED", "MISSING_SHIPPING_ADDRESS",
            "ACTION_DOES_NOT_MATCH_INTENT", "INCOMPATIBLE_PARAMETER_VALUE", "MISSING_PREVIOUS_REFERENCE",
            "MISSING_CRYPTOGRAM", "BILLING_AGREEMENT_ID_MISMATCH", "PREFERRED_PAYMENT_SOURCE_MISMATCH",
            "MERCHANT_INITIATED_WITH_SECURITY_CODE", "MERCHANT_INITIATED_WITH_AUTHENTICATION_RESULTS",
            "MERCHANT_INITIATED_WITH_MULTIPLE_PURCHASE_UNITS", "RETURN_URL_REQUIRED", "CANCEL_URL_REQUIRED",
            "ONLY_ONE_BANK_SOURCE_ALLOWED", "CARD_NUMBER_REQUIRED", "CARD_EXPIRY_REQUIRED",
            "VAULT_INSTRUCTION_REQUIRED", "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE",
            "REQUIRED_PARAMETER_FOR_CUSTOMER_INITIATED_PAYMENT", "UNSUPPORTED_MEDIA_TYPE", "METHOD_NOT_SUPPORTED",
            "BLIK_ONE_CLICK_MISSING_REQUIRED_PARAMETER", "CRYPTOGRAM_REQUIRED", "DONATION_ITEMS_NOT_SUPPORTED",
            "EMV_DATA_REQUIRED", "GOOGLE_PAY_GATEWAY_MERCHANT_ID_MISMATCH", "INVALID_COUNTRY_CODE",
            "INVALID_FX_RATE_ID", "INVALID_PAYEE_PRICING_TIER_ID", "INVALID_PLATFORM_FEES_ACCOUNT",
            "INVALID_PLATFORM_FEES_AMOUNT", "MAX_VALUE_EXCEEDED", "MISSING_PICKUP_ADDRESS", "MULTIPLE_ITEM_CATEGORIES",
            "MULTIPLE_SHIPPING_ADDRESS_NOT_SUPPORTED", "MULTIPLE_SHIPPING_OPTION_SELECTED",
            "MULTIPLE_SHIPPING_TYPE_NOT_SUPPORTED", "MULTI_CURRENCY_ORDER", "NOT_ENABLED_FOR_APPLE_PAY",
            "NOT_ENABLED_FOR_GOOGLE_PAY", "NOT_ENABLED_TO_VAULT_PAYMENT_SOURCE", "ONE_OF_PARAMETERS_REQUIRED",
            "ORDER_COMPLETE_ON_PAYMENT_APPROVAL", "PAYEE_FX_RATE_ID_CURRENCY_MISMATCH",
            "PAYEE_PRICING_TIER_ID_NOT_ENABLED", "PAYPAL_REQUEST_ID_REQUIRED", "PLATFORM_FEES_NOT_SUPPORTED",
            "PREFERRED_SHIPPING_OPTION_AMOUNT_MISMATCH", "SHIPPING_OPTIONS_NOT_SUPPORTED",
            "SHIPPING_OPTION_NOT_SELECTED", "SHIPPING_TYPE_NOT_SUPPORTED_FOR_CLIENT", "TAX_TOTAL_REQUIRED",
            "UNSUPPORTED_PAYMENT_INSTRUCTION", "UNSUPPORTED_PROCESSING_INSTRUCTION", "UNSUPPORTED_SHIPPING_TYPE",
            "VAULT_INSTRUCTION_DUPLICATED",
        ),
        _ORDERS,
    )  # fmt: skip


def _refund_issues() -> Iterator[Issue]:
    answers: Mapping[str, tuple[str, str]] = {
        "CAPTURE_FULLY_REFUNDED": ("already_refunded", "the capture is refunded already"),
        "REFUND_AMOUNT_EXCEEDED": ("refund_amount_exceeded", "less than that is left to refund"),
        "REFUND_AMOUNT_TOO_LOW": ("refund_amount_too_low", "the amount is too low to refund"),
        "PARTIAL_REFUND_NOT_ALLOWED": ("not_refundable", "PayPal refunds this capture only as a whole"),
        "MAX_NUMBER_OF_REFUNDS_EXCEEDED": ("not_refundable", "PayPal allows no further refund of this capture"),
        "REFUND_TIME_LIMIT_EXCEEDED": ("not_refundable", "the capture is too old to refund"),
        "REFUND_NOT_ALLOWED": ("not_refundable", "PayPal does not refund this capture"),
        "REFUND_NOT_PERMITTED_DUE_TO_CAPTURE_STATUS": ("not_refundable", "PayPal does not refund this capture"),
        "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": ("not_refundable", "the bank has taken the money back already"),
        "REFUND_IS_RESTRICTED": ("not_refundable", "only the account that captured the money can refund it"),
        "REFUND_CAPTURE_CURRENCY_MISMATCH": ("not_refundable", "the capture is in another currency"),
        "REFUND_FAILED_INSUFFICIENT_FUNDS": ("refund_no_funds", "the PayPal account has too little money to refund"),
        "PENDING_CAPTURE": ("not_refundable", "PayPal still reviews the capture: try again when it has completed"),
        "TRANSACTION_DISPUTED": ("not_refundable", "there is an open dispute: refund it in PayPal's resolution centre"),
        "PLATFORM_FEE_EXCEEDED": ("not_refundable", "PayPal does not refund this capture"),
        "PLATFORM_FEE_NOT_ENABLED": ("not_refundable", "PayPal does not refund this capture"),
    }
    for name, (code, message) in answers.items():
        yield Issue(name, Blame.USER, Way.NONE, code, message, _PAYMENTS)


def _table() -> Mapping[str, Issue]:
    table: dict[str, Issue] = {}
    for issue in (*_capture_issues(), *_operator_issues(), *_refund_issues()):
        if issue.name in table:
            raise ValueError(f"{issue.name} is in the table twice")
        table[issue.name] = issue
    return table


ISSUES: Final = _table()
"""By PayPal's name."""
UNKNOWN: Final = Issue(
    "unknown", Blame.TRANSIENT, Way.APPROVE, "payment_refused",
    "PayPal did not accept the payment: try again, or choose another way to pay at PayPal", _RESPONSES,
)  # fmt: skip
_BY_STATUS: Final[Mapping[int, str]] = {401: "AUTHENTICATION_FAILURE", 403: "NOT_AUTHORIZED", 404: "RESOURCE_NOT_FOUND"}


def of_refusal(http_status: int, name: str) -> Issue:
    """The issue of a 4xx answer: by its name, else by the status if that alone says it, else unknown."""
    return ISSUES.get(name) or ISSUES.get(_BY_STATUS.get(http_status, "")) or UNKNOWN
