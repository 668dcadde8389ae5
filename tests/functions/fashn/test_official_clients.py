"""FASHN's wire, held to FASHN's own clients: only the base URL and the key are ours."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import fashn
import pytest
import requests
from drawn import needs_model
from PIL import Image
from quick import eventually

from demo.client import Client
from emulators.stack import ROOT, Stack
from tests.functions.tryon.conftest import garment, person

type SignUp = Callable[..., Client]

pytestmark = needs_model


def uri(data: bytes, media: str = "image/jpeg") -> str:
    """A picture as FASHN's clients send it."""
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def picture(text: str) -> Image.Image:
    """The picture of an output, URL or data URI."""
    if text.startswith("data:"):
        return Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2])))
    answer = requests.get(text, timeout=30)
    answer.raise_for_status()
    return Image.open(io.BytesIO(answer.content))


@pytest.fixture
def shop(sign_up: SignUp) -> Client:
    """The account of a shop."""
    return sign_up()


@pytest.fixture
def key(shop: Client) -> str:
    """An API key of the shop's server."""
    return shop.call("POST", "api-keys", json={"name": "server", "scopes": ["tryon"]})["key"]


@pytest.fixture
def client(stack: Stack, key: str) -> Iterator[fashn.Fashn]:
    """FASHN's Python client."""
    with fashn.Fashn(base_url=f"{stack.url}/api", api_key=key) as made:
        yield made


def inputs(**more: Any) -> Any:
    return {"model_image": uri(person()), "garment_image": uri(garment("t-shirt")), "category": "tops", **more}


def credits(client: fashn.Fashn) -> dict[str, int]:
    """The credits of the account; the Python client has no method for them."""
    return client.get("/v1/credits", cast_to=dict[str, Any])["credits"]


def keeps(shop: Client, *kinds: str) -> None:
    """The account's images in the end: those that came with a request are deleted once its run has ended."""
    found = lambda: sorted(image["kind"] for image in shop.call("GET", "images")["items"])  # noqa: E731
    eventually(lambda: found() == list(kinds), f"the images {kinds}")


def test_subscribe_makes_a_picture(client: fashn.Fashn, shop: Client) -> None:
    before = credits(client)
    enqueued: list[str] = []
    seen: list[str] = []
    made = client.predictions.subscribe(
        model_name="tryon-v1.6", inputs=inputs(seed=7), on_enqueued=enqueued.append,
        on_queue_update=lambda state: seen.append(state.status), poll_interval=200,
    )  # fmt: skip
    assert (made.status, made.error, made.credits_used) == ("completed", None, 1)
    assert enqueued == [made.id] and seen[-1] == "completed"
    assert made.output and picture(made.output[0]).format == "PNG"
    left = credits(client)
    assert left["total"] == left["subscription"] + left["on_demand"] == before["total"] - 1
    keeps(shop, "result")


def test_base64_jpeg_of_a_picture_by_url(client: fashn.Fashn, shop: Client) -> None:
    model = shop.upload(person(), "me.jpg", "person")["original"]["url"]
    made = client.predictions.subscribe(
        model_name="tryon-max",
        inputs={
            "model_image": model, "product_image": uri(garment("t-shirt")), "output_format": "jpeg",
            "return_base64": True, "num_images": 2,
        },
        poll_interval=200,
    )  # fmt: skip
    assert made.status == "completed"
    assert [picture(text).format for text in made.output or []] == ["JPEG", "JPEG"]
    assert all(text.startswith("data:image/jpeg;base64,") for text in made.output or [])
    keeps(shop, "person", "result", "result")


def test_a_run_that_fails_is_named_and_not_charged(client: fashn.Fashn, shop: Client) -> None:
    made = client.predictions.subscribe(
        model_name="tryon-v1.6", inputs=inputs(model_image=uri(garment("t-shirt"))), poll_interval=200
    )
    assert (made.status, made.output, made.credits_used) == ("failed", None, 0)
    assert made.error and made.error.name == "PoseError" and made.error.message
    assert shop.call("GET", "auth/me")["quota"]["used"] == 0
    keeps(shop)


WRONG = {
    "another model": ({"model_name": "edit"}, "BadRequest"),
    "a field that it lacks": ({"inputs": {"prompt": "x"}}, "BadRequest"),
    "a value that it lacks": ({"inputs": {"category": "hats"}}, "BadRequest"),
    "no picture": ({"inputs": {"model_image": "saved:eva"}}, "BadRequest"),
    "a picture elsewhere": ({"inputs": {"model_image": "https://example.com/me.jpg"}}, "BadRequest"),
    "a picture that is none": ({"inputs": {"model_image": uri(b"none")}}, "ImageLoadError"),
    "a data URI that is none": ({"inputs": {"model_image": "data:image/png;base64,%%"}}, "ImageLoadError"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_request_that_is_refused(client: fashn.Fashn, shop: Client, wrong: str) -> None:
    changes, name = WRONG[wrong]
    with pytest.raises(fashn.BadRequestError) as refused:
        client.predictions.run(
            model_name=changes.get("model_name", "tryon-v1.6"), inputs=inputs(**changes.get("inputs", {}))
        )
    body: Any = refused.value.body
    assert body["error"] == name and body["message"]
    keeps(shop)


def test_errors_of_keys_and_runs(stack: Stack, client: fashn.Fashn, sign_up: SignUp) -> None:
    with pytest.raises(fashn.NotFoundError) as missing:
        client.predictions.status("missing")
    assert missing.value.body["error"] == "NotFound"  # type: ignore[index]
    started = client.predictions.run(model_name="tryon-v1.6", inputs=inputs())
    other = sign_up().call("POST", "api-keys", json={"name": "server", "scopes": ["tryon", "search"]})["key"]
    with pytest.raises(fashn.NotFoundError):
        client.with_options(api_key=other).predictions.status(started.id)
    wrong = sign_up().call("POST", "api-keys", json={"name": "server", "scopes": ["search"]})["key"]
    for key in ("fa-unknown", "sk_unknown", wrong):
        with pytest.raises(fashn.AuthenticationError) as refused:
            client.with_options(api_key=key).predictions.status(started.id)
        assert refused.value.body["error"] == "UnauthorizedAccess"  # type: ignore[index]


def test_without_credits_nothing_is_tried_again(stack: Stack, client: fashn.Fashn, shop: Client, inside: Stack) -> None:
    from shared.commerce import quota
    from shared.commerce.documents import QuotaDocument, quotas
    from shared.documents.fields import assign

    month = quota.open_month(shop.user["id"])
    quotas.patch(month, shop.user["id"], assign(QuotaDocument.used, quota.get_usage(shop.user["id"]).limit))
    calls: list[Any] = []
    client._client.event_hooks = {"request": [calls.append]}
    with pytest.raises(fashn.RateLimitError) as refused:
        client.predictions.run(model_name="tryon-v1.6", inputs=inputs())
    assert refused.value.body["error"] == "OutOfCredits"  # type: ignore[index]
    assert len(calls) == 1
    keeps(shop)


def test_the_client_for_npm(stack: Stack, key: str) -> None:
    given = {"baseURL": f"{stack.url}/api", "apiKey": key, "inputs": inputs()}
    done = subprocess.run(
        ["node", "tests/functions/fashn/subscribe.mjs"], input=json.dumps(given), cwd=ROOT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    happened = json.loads(done.stdout)
    made, failed = happened["made"], happened["failed"]
    assert (made["status"], made["error"], made["creditsUsed"]) == ("completed", None, 1)
    assert picture(made["output"][0]).format == "PNG"
    assert happened["enqueued"] == [made["id"]] and happened["seen"][-1] == "completed"
    assert (failed["status"], failed["error"]["name"], failed["creditsUsed"]) == ("failed", "PoseError", 0)
    refused = {"kind": "BadRequestError", "status": 400, "name": "BadRequest"}
    assert happened["model"] == happened["value"] == refused
    assert happened["missing"] == {"kind": "NotFoundError", "status": 404, "name": "NotFound"}
    assert happened["stranger"] == {"kind": "AuthenticationError", "status": 401, "name": "UnauthorizedAccess"}
