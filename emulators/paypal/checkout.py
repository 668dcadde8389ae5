"""The page where the payer approves an order or leaves it."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from aiohttp import web

from emulators import pages
from emulators.paypal import ledger
from emulators.paypal.ledger import PAYER_EMAIL, Order

CHOICES = {
    "completed": ("Approve", "main"),
    "cancel": ("Cancel", ""),
    "refused": ("Approve, but the bank refuses", ""),
    "pending": ("Approve, payment stays pending", ""),
}


def approval(order: Order) -> web.Response:
    """The amount, and a button for each action of the payer."""
    amount = order.unit["amount"]
    brand = order.context.get("brand_name") or "AI Fashion Studio"
    price = f"{amount['value']} {amount['currency_code']}"
    about = pages.facts(
        {
            "To": str(brand),
            "For": str(order.unit.get("description") or order.unit.get("custom_id", "")),
            "Order": order.id,
            "Payer": PAYER_EMAIL,
        }
    )
    buttons = {
        choice: f'<form method="post" action="/checkoutnow"><input type="hidden" name="token" '
        f'value="{escape(order.id)}"><button class="{look}" id="{choice}" name="choice" value="{choice}">'
        f"{escape(label)}</button></form>"
        for choice, (label, look) in CHOICES.items()
    }
    usual, unusual = buttons["completed"] + buttons["cancel"], buttons["refused"] + buttons["pending"]
    body = (
        f'<article><h2 style="font-size:2rem">{escape(price)}</h2>{about}{usual}'
        f"<details><summary>Other outcomes</summary><p>{unusual}</p></details></article>"
    )
    return pages.page(f"Pay {brand}", "Emulated PayPal: no money moves.", body)


def leaving(order: Order, *, approved: bool) -> web.Response:
    """Redirect the payer to the shop, or show the outcome if the order names no URL."""
    url = order.context.get("return_url" if approved else "cancel_url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        word = "approved" if approved else "cancelled"
        return pages.page(f"Payment {word}", "You can close this page.", "")
    query = {"token": order.id} | ({"PayerID": ledger.PAYER["payer_id"]} if approved else {})
    return web.Response(status=303, headers={"Location": f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"})


def closed(order: Order | None) -> web.Response:
    """The page for an order that has nothing left to approve."""
    state = f"The order is {order.status.lower()}." if order else "There is no such order."
    return pages.page("Nothing to approve", state, "", status=200 if order else 404)
