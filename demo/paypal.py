"""A part of the demo: a shopper buys a pack of credits through PayPal, approval page included."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urljoin

import requests

from demo.client import Client
from demo.steps import Steps


def buy_pack(client: Client, name: str, steps: Steps, paypal_url: str, pack: str = "small") -> dict[str, Any]:
    """Buy a pack; returns the receipt.

    Args:
        client: the shopper, signed in.
        name: for the steps.
        paypal_url: of the emulated PayPal, to read its webhook deliveries.
    """
    before = client.call("GET", "auth/me")["credits"]
    with steps.step("paypal-order", f"{name} orders a pack of credits") as step:
        offer = next(item for item in client.call("GET", "paypal/packs")["items"] if item["id"] == pack)
        order = client.call("POST", "paypal/orders", json={"pack": pack})
        step.note = f"{offer['credits']} credits for {offer['price']} {offer['currency']}, PayPal order {order['id']}"
    with steps.step("paypal-approve", f"{name} approves it on PayPal's page") as step:
        step.note = _click_approve(order["approvalUrl"], offer["price"])
    with steps.step("paypal-capture", "The return page captures the payment") as step:
        receipt = _captured(client, order["id"])
        step.note = f"{receipt['status']}, {receipt['amount']} {receipt['currency']}, capture {receipt['captureId']}"
    with steps.step("paypal-credits", "The credits are in the account") as step:
        credits = client.call("GET", "auth/me")["credits"]
        if credits != before + offer["credits"]:
            raise AssertionError(f"{credits} credits, after {before} and a pack of {offer['credits']}")
        step.note = f"{before} > {credits}"
    with steps.step("paypal-webhook", "PayPal's webhook reports the payment, and nothing is granted twice") as step:
        types = _delivered(paypal_url, order["id"])
        if client.call("GET", "paypal/payments")["credits"] != credits:
            raise AssertionError("the webhook changed the credits")
        step.note = ", ".join(types)
    return receipt


def _click_approve(url: str, price: str) -> str:
    """Open the page, check what it asks for, press its button; where that leads."""
    page = requests.get(url, timeout=10)
    page.raise_for_status()
    if price not in page.text:
        raise AssertionError(f"the page does not ask for {price}")
    button = re.search(r'<button[^>]* id="completed" name="(\w+)" value="(\w+)"', page.text)
    token = re.search(r'name="token" value="(\w+)"', page.text)
    if button is None or token is None:
        raise AssertionError("the page has no button to approve with")
    target = urljoin(url, "/checkoutnow")
    form = {"token": token[1], button[1]: button[2]}
    left = requests.post(target, data=form, allow_redirects=False, timeout=10)
    if left.status_code != 303:
        raise AssertionError(f"the page answered {left.status_code}")
    return "back to " + left.headers["Location"].partition("?")[0]


def _captured(client: Client, order_id: str, seconds: float = 30) -> dict[str, Any]:
    until = time.monotonic() + seconds
    receipt = client.call("POST", f"paypal/orders/{order_id}/capture")
    while receipt["processing"] and time.monotonic() < until:
        time.sleep(0.3)
        receipt = client.call("GET", f"paypal/orders/{order_id}")
    if receipt["status"] != "captured":
        raise AssertionError(f"the payment is {receipt['status']}")
    return receipt


def _delivered(paypal_url: str, order_id: str, seconds: float = 30) -> list[str]:
    """Types of the events that were taken by the shop, once there are an approval and a capture among them."""
    until = time.monotonic() + seconds
    while True:
        events = requests.get(f"{paypal_url}/_emulator/events", params={"orderId": order_id}, timeout=10).json()[
            "events"
        ]
        taken = [event["type"] for event in events if any(sent["status"] == 200 for sent in event["deliveries"])]
        if {"CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"} <= set(taken):
            return taken
        if time.monotonic() > until:
            raise TimeoutError(f"PayPal could deliver only {taken}")
        time.sleep(0.1)
