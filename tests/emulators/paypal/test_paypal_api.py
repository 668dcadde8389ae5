"""OAuth, orders, captures and refunds of the PayPal emulator, and the ways they go wrong."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

pytestmark = pytest.mark.processes


def test_token_needs_the_secret_and_is_counted(paypal, merchant):
    url = f"{paypal['url']}/v1/oauth2/token"
    wrong = requests.post(url, data={"grant_type": "client_credentials"}, auth=("x", "y"), timeout=5)
    assert wrong.status_code == 401 and wrong.json()["error"] == "invalid_client"
    token = merchant.token().json()
    assert token["token_type"] == "Bearer" and token["expires_in"] == 32400
    assert merchant.control("state")["tokensIssued"] == 2


def test_tokens_end_after_uses_after_time_and_at_once(merchant):
    merchant.control("settings", {"tokenUses": 2})
    merchant.__post_init__()
    order = merchant.order()
    path = f"/v2/checkout/orders/{order['id']}"
    assert [merchant.call("GET", path).status_code for _ in range(3)] == [200, 401, 401]
    merchant.control("settings", {"tokenUses": None, "tokenSeconds": 0})
    merchant.__post_init__()
    assert merchant.call("GET", path).json()["error"] == "invalid_token"
    merchant.control("settings", {"tokenSeconds": 100})
    merchant.__post_init__()
    assert merchant.call("GET", path).status_code == 200
    merchant.control("settings", {"revoke": True})
    assert merchant.call("GET", path).status_code == 401


def test_token_requests_can_be_limited(merchant):
    merchant.fault("429", "token", retryDelay=30)
    limited = merchant.token()
    assert limited.status_code == 429 and limited.json()["name"] == "RATE_LIMIT_REACHED"
    assert limited.headers["Retry-After"] == "30" and merchant.token().status_code == 200


def test_create_approve_capture(paypal, merchant):
    order = merchant.order()
    assert order["status"] == "PAYER_ACTION_REQUIRED"
    links = {link["rel"]: link["href"] for link in order["links"]}
    assert links["payer-action"] == f"{paypal['url']}/checkoutnow?token={order['id']}"

    early = merchant.capture(order["id"])
    assert early.status_code == 422 and early.json()["details"][0]["issue"] == "ORDER_NOT_APPROVED"

    page = requests.get(links["payer-action"], timeout=5)
    assert "9.99 USD" in page.text and "20 credits" in page.text and "<script" not in page.text
    form = {"token": order["id"], "choice": "completed"}
    clicked = requests.post(f"{paypal['url']}/checkoutnow", data=form, allow_redirects=False, timeout=5)
    assert clicked.status_code == 303
    back = f"http://shop.example/back?from=paypal&token={order['id']}&PayerID=EMULATEDPAYER"
    assert clicked.headers["Location"] == back
    assert "approved" in requests.get(links["payer-action"], timeout=5).text

    captured = merchant.capture(order["id"])
    assert captured.status_code == 201
    (unit,) = captured.json()["purchase_units"]
    (capture,) = unit["payments"]["captures"]
    assert capture["status"] == "COMPLETED" and capture["amount"] == {"currency_code": "USD", "value": "9.99"}
    assert unit["payee"]["merchant_id"] == paypal["merchantId"]

    again = merchant.capture(order["id"])
    assert again.json()["details"][0]["issue"] == "ORDER_ALREADY_CAPTURED"
    alone = merchant.call("GET", f"/v2/payments/captures/{capture['id']}").json()
    assert alone["supplementary_data"]["related_ids"]["order_id"] == order["id"]
    assert merchant.call("GET", f"/v2/checkout/orders/{order['id']}").json()["status"] == "COMPLETED"


def test_cancel_returns_to_the_shop_and_leaves_the_order(paypal, merchant):
    order = merchant.order()["id"]
    form = {"token": order, "choice": "cancel"}
    clicked = requests.post(f"{paypal['url']}/checkoutnow", data=form, allow_redirects=False, timeout=5)
    assert clicked.headers["Location"] == f"http://shop.example/cancel?token={order}"
    assert merchant.call("GET", f"/v2/checkout/orders/{order}").json()["status"] == "PAYER_ACTION_REQUIRED"
    assert requests.get(f"{paypal['url']}/checkoutnow?token=NOSUCHORDER", timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("unit", "status", "issue"),
    [
        ({"amount": {"currency_code": "XXX", "value": "1.00"}}, 422, "CURRENCY_NOT_SUPPORTED"),
        ({"amount": {"currency_code": "USD", "value": "1.001"}}, 422, "DECIMAL_PRECISION"),
        ({"amount": {"currency_code": "JPY", "value": "100.50"}}, 422, "DECIMAL_PRECISION"),
        ({"amount": {"currency_code": "USD", "value": 5}}, 400, "MISSING_REQUIRED_PARAMETER"),
        ({"amount": {"currency_code": "USD", "value": "0.00"}}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (
            {
                "amount": {
                    "currency_code": "USD",
                    "value": "5.00",
                    "breakdown": {"item_total": {"currency_code": "USD", "value": "4.00"}},
                }
            },
            422,
            "AMOUNT_MISMATCH",
        ),
    ],
)
def test_create_checks_the_amount(merchant, unit, status, issue):
    body = {"intent": "CAPTURE", "purchase_units": [unit]}
    refused = merchant.call("POST", "/v2/checkout/orders", body)
    assert (refused.status_code, refused.json()["details"][0]["issue"]) == (status, issue)
    assert refused.json()["debug_id"]


def test_a_request_id_does_its_work_once(merchant):
    request_id = str(uuid.uuid4())
    first, second = merchant.order(request_id=request_id), merchant.order(request_id=request_id)
    assert first["id"] == second["id"]
    order = merchant.approved()
    answers = [merchant.capture(order, request_id=request_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert len(merchant.control("state")["captures"]) == 1
    merchant.control("settings", {"idempotencySeconds": 0})
    forgotten = str(uuid.uuid4())
    assert merchant.order(request_id=forgotten)["id"] != merchant.order(request_id=forgotten)["id"]


def test_parallel_captures_take_the_money_once(merchant):
    order, request_id = merchant.approved(), str(uuid.uuid4())
    merchant.fault("slow", "capture", order, seconds=0.3)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: merchant.capture(order, request_id=request_id), range(12)))
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert [answer.status_code for answer in answers].count(201) == 1
    assert len(merchant.control("state")["captures"]) == 1


def test_an_invoice_is_captured_once(merchant):
    invoice = f"inv-{uuid.uuid4().hex}"
    orders = [merchant.approved(invoice_id=invoice) for _ in range(2)]
    assert merchant.capture(orders[0]).status_code == 201
    assert merchant.capture(orders[1]).json()["details"][0]["issue"] == "DUPLICATE_INVOICE_ID"


def test_a_refused_instrument_goes_back_to_the_payer(merchant):
    order = merchant.approved(outcome="refused")
    refused = merchant.capture(order, request_id="same id")
    assert refused.json()["details"][0]["issue"] == "INSTRUMENT_DECLINED"
    assert "payer-action" in [link["rel"] for link in refused.json()["links"]]
    merchant.control(f"orders/{order}", {"action": "approve"})
    assert merchant.capture(order, request_id="same id").status_code == 201


def capture_in(answer):
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["purchase_units"][0]["payments"]["captures"][0]


@pytest.mark.parametrize(("mode", "status"), [("pending", "PENDING"), ("declined", "DECLINED"), ("failed", "FAILED")])
def test_a_completed_order_need_not_be_paid(merchant, mode, status):
    order = merchant.approved()
    merchant.fault(mode, "capture", order)
    answer = merchant.capture(order)
    assert answer.json()["status"] == "COMPLETED" and capture_in(answer)["status"] == status
    if mode == "pending":
        capture = capture_in(answer)
        assert capture["status_details"]["reason"] == "ECHECK"
        merchant.control(f"captures/{capture['id']}", {"status": "COMPLETED"})
        assert merchant.call("GET", f"/v2/payments/captures/{capture['id']}").json()["status"] == "COMPLETED"


def test_timeout_after_success(merchant):
    order = merchant.approved()
    merchant.fault("lost", "capture", order, seconds=5)
    with pytest.raises(requests.ReadTimeout):
        merchant.capture(order, timeout=0.3)
    assert capture_in(merchant.call("GET", f"/v2/checkout/orders/{order}"))["status"] == "COMPLETED"


def test_a_lost_create_is_found_by_its_request_id(merchant):
    request_id = str(uuid.uuid4())
    merchant.fault("lost", "create", request_id)
    with pytest.raises(requests.ConnectionError):
        merchant.order(request_id=request_id)
    (order,) = merchant.control("state")["orders"]
    assert merchant.order(request_id=request_id)["id"] == order


def test_5xx_before_and_after_the_effect(merchant):
    before, after = merchant.approved(), merchant.approved()
    merchant.fault("500", "capture", before)
    merchant.fault("503", "capture", after, after=True)
    assert merchant.capture(before).status_code == 500 and merchant.capture(after).status_code == 503
    captured = [one["orderId"] for one in merchant.control("state")["captures"].values()]
    assert captured == [after]
    assert merchant.capture(before).status_code == 201


def test_answers_wrong_in_content_or_form(merchant):
    order = merchant.approved()
    path = f"/v2/checkout/orders/{order}"
    unit = lambda: merchant.call("GET", path).json()["purchase_units"][0]  # noqa: E731
    merchant.fault("wrong_currency", "get", order)
    assert unit()["amount"]["currency_code"] == "EUR"
    merchant.fault("wrong_amount", "get", order)
    assert unit()["amount"]["value"] == "0.01"
    merchant.fault("wrong_payee", "get", order)
    assert unit()["payee"]["merchant_id"] == "SOMEONEELSE99"
    merchant.fault("wrong_custom_id", "get", order)
    assert unit()["custom_id"] == "another-payment"
    merchant.fault("html", "get", order)
    assert merchant.call("GET", path).headers["Content-Type"].startswith("text/html")
    merchant.fault("huge", "get", order, bytes=3_000_000)
    assert len(merchant.call("GET", path).content) > 3_000_000
    for mode in ("truncated", "empty"):
        merchant.fault(mode, "get", order)
        with pytest.raises(requests.JSONDecodeError):
            merchant.call("GET", path).json()
    merchant.fault("issue", "capture", order, issue="MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED")
    assert merchant.capture(order).json()["details"][0]["issue"] == "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED"
    assert unit()["amount"] == {"currency_code": "USD", "value": "9.99"}


def test_unknown_ids_are_404(merchant):
    for method, path in (
        ("GET", "/v2/checkout/orders/NOSUCH"),
        ("POST", "/v2/checkout/orders/NOSUCH/capture"),
        ("GET", "/v2/payments/captures/NOSUCH"),
        ("POST", "/v2/payments/captures/NOSUCH/refund"),
        ("GET", "/v2/payments/refunds/NOSUCH"),
    ):
        answer = merchant.call(method, path, {} if method == "POST" else None)
        assert (answer.status_code, answer.json()["name"]) == (404, "RESOURCE_NOT_FOUND")


def test_refunds_in_parts_and_whole(merchant):
    order = merchant.approved("10.00")
    capture = capture_in(merchant.capture(order))["id"]
    path = f"/v2/payments/captures/{capture}/refund"
    part = {"amount": {"currency_code": "USD", "value": "4.00"}}
    first = merchant.call("POST", path, part, request_id="refund-1")
    assert first.status_code == 201 and first.json()["amount"]["value"] == "4.00"
    repeated = merchant.call("POST", path, part, request_id="refund-1")
    assert (repeated.status_code, repeated.json()["id"]) == (200, first.json()["id"])
    assert merchant.call("GET", f"/v2/payments/captures/{capture}").json()["status"] == "PARTIALLY_REFUNDED"
    too_much = {"amount": {"currency_code": "USD", "value": "6.01"}}
    assert merchant.call("POST", path, too_much).json()["details"][0]["issue"] == "REFUND_AMOUNT_EXCEEDED"
    other = {"amount": {"currency_code": "EUR", "value": "1.00"}}
    assert merchant.call("POST", path, other).json()["details"][0]["issue"] == "REFUND_CAPTURE_CURRENCY_MISMATCH"
    rest = merchant.call("POST", path)
    assert rest.json()["amount"]["value"] == "6.00"
    assert merchant.call("GET", f"/v2/payments/refunds/{rest.json()['id']}").json()["status"] == "COMPLETED"
    assert merchant.call("POST", path).json()["details"][0]["issue"] == "CAPTURE_FULLY_REFUNDED"
    whole = merchant.call("GET", f"/v2/checkout/orders/{order}").json()["purchase_units"][0]["payments"]
    assert whole["captures"][0]["status"] == "REFUNDED" and len(whole["refunds"]) == 2


def test_currencies_without_decimals(merchant):
    order = merchant.order("500", "JPY")["id"]
    merchant.control(f"orders/{order}", {"action": "approve"})
    assert capture_in(merchant.capture(order))["amount"] == {"currency_code": "JPY", "value": "500"}


def test_the_log_has_no_secrets(paypal, merchant):
    merchant.order()
    logged = requests.get(f"{paypal['url']}/_emulator/requests", timeout=5).text
    assert "Basic " not in logged and merchant.bearer not in logged
