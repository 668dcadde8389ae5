"""Orders, captures and refunds as the REST API shows them."""

from __future__ import annotations

import copy
from typing import Any

from emulators.paypal.ledger import PAYER, Capture, Order, Refund, fee
from emulators.paypal.money import amount_of

type Links = list[dict[str, str]]


class Representations:
    """Writes resources for one merchant; `base` is the API's address, which the links start with."""

    def __init__(self, merchant: str) -> None:
        self.payee = {"email_address": "shop@fashion.example", "merchant_id": merchant}

    def links(self, order: Order, base: str) -> Links:
        """Where to go with an order: itself, the payer's approval, capture."""
        me = f"{base}/v2/checkout/orders/{order.id}"
        found = [{"href": me, "rel": "self", "method": "GET"}]
        if order.status in ("CREATED", "PAYER_ACTION_REQUIRED"):
            rel = "payer-action" if "paypal" in (order.body.get("payment_source") or {}) else "approve"
            found.append({"href": f"{base}/checkoutnow?token={order.id}", "rel": rel, "method": "GET"})
        if order.status == "APPROVED":
            found.append({"href": f"{me}/capture", "rel": "capture", "method": "POST"})
        return found

    def order(self, order: Order, base: str, *, full: bool = True) -> dict[str, Any]:
        """The order; not `full` is what `Prefer: return=minimal` gets."""
        shown: dict[str, Any] = {"id": order.id, "status": order.status, "links": self.links(order, base)}
        unit: dict[str, Any] = {"reference_id": order.unit.get("reference_id", "default")}
        if full:
            for name in ("amount", "custom_id", "invoice_id", "description", "items", "soft_descriptor"):
                if name in order.unit:
                    unit[name] = copy.deepcopy(order.unit[name])
            unit["payee"] = dict(self.payee)
            shown |= {"intent": "CAPTURE", "create_time": order.created, "update_time": order.updated}
        if order.captures:
            unit["payments"] = {"captures": [self.capture(one, base) for one in order.captures]}
            refunds = [self.refund(refund, base) for one in order.captures for refund in one.refunds]
            if refunds:
                unit["payments"]["refunds"] = refunds
        if full or order.captures:
            shown["purchase_units"] = [unit]
            if order.status in ("APPROVED", "COMPLETED"):
                account = {"account_id": PAYER["payer_id"], "account_status": "VERIFIED"}
                paypal = {"email_address": PAYER["email_address"], **account, "name": PAYER["name"]}
                shown |= {"payer": PAYER, "payment_source": {"paypal": paypal}}
        return shown

    def capture(self, capture: Capture, base: str) -> dict[str, Any]:
        """A capture as in an order's payments."""
        order = capture.order
        me = f"{base}/v2/payments/captures/{capture.id}"
        share, net = fee(order.units, order.currency)
        gross = amount_of(order.units, order.currency)
        shown: dict[str, Any] = {
            "id": capture.id,
            "status": capture.status,
            "amount": gross,
            "final_capture": True,
            "seller_protection": {"status": "NOT_ELIGIBLE"},
            "seller_receivable_breakdown": {"gross_amount": gross, "paypal_fee": share, "net_amount": net},
            "create_time": capture.created,
            "update_time": capture.updated,
            "links": [
                {"href": me, "rel": "self", "method": "GET"},
                {"href": f"{me}/refund", "rel": "refund", "method": "POST"},
                {"href": f"{base}/v2/checkout/orders/{order.id}", "rel": "up", "method": "GET"},
            ],
        }
        shown |= {name: order.unit[name] for name in ("custom_id", "invoice_id") if name in order.unit}
        if capture.reason:
            shown["status_details"] = {"reason": capture.reason}
        return shown

    def capture_alone(self, capture: Capture, base: str) -> dict[str, Any]:
        """A capture as its own GET and its events show it: with payee and order id."""
        related = {"related_ids": {"order_id": capture.order.id}}
        return self.capture(capture, base) | {"payee": dict(self.payee), "supplementary_data": related}

    def refund(self, refund: Refund, base: str) -> dict[str, Any]:
        """A refund."""
        order = refund.capture.order
        me, money = f"{base}/v2/payments/refunds/{refund.id}", amount_of(refund.units, order.currency)
        total = amount_of(refund.capture.refunded, order.currency)
        shown: dict[str, Any] = {
            "id": refund.id,
            "status": "COMPLETED",
            "amount": money,
            "seller_payable_breakdown": {"gross_amount": money, "total_refunded_amount": total},
            "payer": dict(self.payee),
            "create_time": refund.created,
            "update_time": refund.created,
            "links": [
                {"href": me, "rel": "self", "method": "GET"},
                {"href": f"{base}/v2/payments/captures/{refund.capture.id}", "rel": "up", "method": "GET"},
            ],
        }
        if "custom_id" in order.unit:
            shown["custom_id"] = order.unit["custom_id"]
        if refund.invoice:
            shown["invoice_id"] = refund.invoice
        return shown
