"""One PayPal emulator for the room, a client that speaks its API, and a shop's webhook receiver."""

import threading
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from quick import eventually


@dataclass
class Merchant:
    """The merchant's side of the API, by plain HTTP."""

    facts: dict[str, Any]
    bearer: str = ""

    def __post_init__(self) -> None:
        self.bearer = self.token().json()["access_token"]

    def token(self) -> requests.Response:
        return requests.post(
            f"{self.facts['url']}/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(self.facts["clientId"], self.facts["clientSecret"]),
            timeout=5,
        )

    def call(
        self, method: str, path: str, body: Any = None, *, request_id: str | None = None, timeout: float = 5
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.bearer}", "Prefer": "return=representation"}
        if request_id:
            headers["PayPal-Request-Id"] = request_id
        url = self.facts["url"] + path
        return requests.request(method, url, json=body, headers=headers, timeout=timeout)

    def control(self, path: str, body: Any = None) -> Any:
        url = f"{self.facts['url']}/_emulator/{path}"
        answer = requests.get(url, timeout=5) if body is None else requests.post(url, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, mode: str, on: str, match: str = "", **more: Any) -> None:
        self.control("faults", {"mode": mode, "on": on, "match": match, **more})

    def order(self, value: str = "9.99", currency: str = "USD", *, request_id: str | None = None, **unit: Any) -> Any:
        payment = f"pay-{uuid.uuid4().hex}"
        body = {
            "intent": "CAPTURE",
            "purchase_units": [
                {
                    "custom_id": payment,
                    "invoice_id": f"inv-{payment}",
                    "description": "20 credits",
                    "amount": {"currency_code": currency, "value": value},
                    **unit,
                }
            ],
            "payment_source": {
                "paypal": {
                    "experience_context": {
                        "return_url": "http://shop.example/back?from=paypal",
                        "cancel_url": "http://shop.example/cancel",
                    }
                }
            },
        }
        answer = self.call("POST", "/v2/checkout/orders", body, request_id=request_id)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def approved(self, value: str = "9.99", *, outcome: str = "completed", **unit: Any) -> str:
        order = self.order(value, **unit)["id"]
        self.control(f"orders/{order}", {"action": "approve", "outcome": outcome})
        return order

    def capture(self, order: str, *, request_id: str | None = None, timeout: float = 5) -> requests.Response:
        return self.call("POST", f"/v2/checkout/orders/{order}/capture", {}, request_id=request_id, timeout=timeout)

    def events(self, order: str) -> list[dict[str, Any]]:
        return self.control(f"events?orderId={order}")["events"]


@pytest.fixture
def paypal(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return emulated["paypal"]


@pytest.fixture
def merchant(paypal: dict[str, Any]) -> Generator[Merchant]:
    requests.post(f"{paypal['url']}/_emulator/reset", timeout=5)
    yield Merchant(paypal)


@dataclass
class Receiver:
    """A shop's webhook endpoint: keeps deliveries, answers the statuses in `answers` first and then 200."""

    url: str
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def wait(self, done: Callable[[], bool]) -> None:
        eventually(done, "the deliveries")


@pytest.fixture
def receiver() -> Generator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = shop.answers.pop(0) if shop.answers else 200
            shop.got.append(({name.upper(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop = Receiver(f"http://127.0.0.1:{server.server_port}/api/paypal/webhook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()
