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
from receiver import Receiver, receiver

from demo.client import Client
from emulators.stack import ROOT, Stack
from tests.functions.tryon.tryon_shopper import garment, person

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


@pytest.fixture
def site() -> Iterator[Receiver]:
    """The shop's own server: its pictures, and the address that runs are posted to."""
    with receiver() as listening:
        yield listening


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


def test_pictures_by_public_urls(client: fashn.Fashn, shop: Client, site: Receiver) -> None:
    site.files = {"/me.jpg": ("image/jpeg", person()), "/shirt.jpg": ("binary/octet-stream", garment("t-shirt"))}
    made = client.predictions.subscribe(
        model_name="tryon-v1.6",
        inputs=inputs(model_image=f"{site.origin}/me.jpg", garment_image=f"{site.origin}/shirt.jpg"),
        poll_interval=200,
    )  # fmt: skip
    assert made.status == "completed"
    assert [got.path for got in site.got] == ["/me.jpg", "/shirt.jpg"]
    keeps(shop, "result")


def posted(site: Receiver) -> list[dict[str, Any]]:
    return [json.loads(got.body) for got in site.got]


def test_the_end_of_a_run_is_posted_until_it_is_accepted(client: fashn.Fashn, shop: Client, site: Receiver) -> None:
    site.answers = [(503, {})]
    started = client.predictions.run(model_name="tryon-v1.6", inputs=inputs(), webhook_url=f"{site.origin}/done?a=1")
    eventually(lambda: len(site.got) == 2, "the second attempt")
    first, second = posted(site)
    state = client.predictions.status(started.id)
    assert (first["id"], first["status"], first["error"]) == (started.id, "completed", None)
    assert first.keys() == second.keys() == {"id", "status", "output", "error"}
    assert picture(second["output"][0]).size == picture((state.output or [""])[0]).size
    assert {got.path for got in site.got} == {"/done?a=1"}
    assert len({got.headers["webhook-id"] for got in site.got}) == 1
    assert {got.headers["x-fashn-credits-used"] for got in site.got} == {"1"}


def test_a_failed_run_is_posted_with_its_error(client: fashn.Fashn, site: Receiver) -> None:
    broken = inputs(model_image=uri(garment("t-shirt")))
    client.predictions.run(model_name="tryon-v1.6", inputs=broken, webhook_url=f"{site.origin}/")
    eventually(lambda: site.got, "the run")
    (run,) = posted(site)
    assert (run["status"], run["output"], run["error"]["name"]) == ("failed", None, "PoseError")


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "http://example.com/", "https://no-such-name.invalid/", "x"])
def test_a_webhook_url_that_is_not_public_is_refused(client: fashn.Fashn, shop: Client, url: str) -> None:
    with pytest.raises(fashn.BadRequestError) as refused:
        client.predictions.run(model_name="tryon-v1.6", inputs=inputs(), webhook_url=url)
    assert refused.value.body["field"] == "webhook_url"  # type: ignore[index]
    keeps(shop)


@pytest.mark.parametrize("shown", ["a person", "a garment"])
def test_a_background_is_removed(client: fashn.Fashn, shop: Client, site: Receiver, shown: str) -> None:
    data = person() if shown == "a person" else garment("t-shirt")
    before = credits(client)
    made = client.predictions.subscribe(
        model_name="background-remove", inputs={"image": uri(data), "return_base64": shown == "a person"},
        poll_interval=100, webhook_url=f"{site.origin}/",
    )  # fmt: skip
    assert (made.status, made.error, made.credits_used) == ("completed", None, 0)
    (output,) = made.output or []
    assert output.startswith("data:image/png;base64," if shown == "a person" else "http")
    cut = picture(output)
    assert (cut.mode, cut.size) == ("RGBA", Image.open(io.BytesIO(data)).size)
    alpha = list(cut.getchannel("A").get_flattened_data())
    assert alpha[0] == 0 and 0.05 < sum(value > 127 for value in alpha) / len(alpha) < 0.9
    assert credits(client) == before
    eventually(lambda: site.got, "the run")
    assert [(run["id"], run["status"]) for run in posted(site)] == [(made.id, "completed")]


def test_no_background_of_an_empty_picture(client: fashn.Fashn) -> None:
    empty = io.BytesIO()
    Image.new("RGB", (200, 300), "white").save(empty, "PNG")
    made = client.predictions.subscribe(
        model_name="background-remove", inputs={"image": uri(empty.getvalue(), "image/png")}, poll_interval=100
    )
    assert (made.status, made.output, made.credits_used) == ("failed", None, 0)
    assert made.error and made.error.name == "InputValidationError"


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
    "a picture on this machine": ({"inputs": {"model_image": "https://localhost/me.jpg"}}, "ImageLoadError"),
    "a picture of a host without an address": (
        {"inputs": {"model_image": "https://no-such-name.invalid/a.jpg"}},
        "ImageLoadError",
    ),
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


def test_the_client_for_npm(stack: Stack, key: str, site: Receiver) -> None:
    given = {"baseURL": f"{stack.url}/api", "apiKey": key, "inputs": inputs(), "webhookUrl": f"{site.origin}/done"}
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
    assert (happened["cut"]["status"], happened["cut"]["creditsUsed"]) == ("completed", 0)
    assert picture(happened["cut"]["output"][0]).mode == "RGBA"
    eventually(lambda: site.got, "the run")
    assert [(run["id"], run["status"]) for run in posted(site)] == [(happened["cut"]["id"], "completed")]
    refused = {"kind": "BadRequestError", "status": 400, "name": "BadRequest"}
    assert happened["model"] == happened["value"] == refused
    assert happened["missing"] == {"kind": "NotFoundError", "status": 404, "name": "NotFound"}
    assert happened["stranger"] == {"kind": "AuthenticationError", "status": 401, "name": "UnauthorizedAccess"}
