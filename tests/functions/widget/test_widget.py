"""Visits by a publishable key: where it works, what a visit may do, who pays, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from account_factory import add_account
from http_calls import Answered, App
from over_http import photo

from functions.keys.blueprint import bp as key_routes
from functions.privacy import personal_data, service, visits
from functions.privacy.worker import PrivacyStep
from functions.upload.blueprint import bp as image_routes
from functions.widget import service as widget_service
from functions.widget.blueprint import bp
from shared import blobs, clock
from shared.catalogue.documents import ProductDocument, ProductId, ProductImage, ProductRenditions, ProductStatus
from shared.catalogue.documents import products as catalogue
from shared.commerce import quota
from shared.documents import Where, store
from shared.http import tokens
from shared.images.documents import ImageKind, StoredRendition, Visibility
from shared.images.uploads import add_image
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.tryons.visits import VisitChargeDocument, VisitDocument
from shared.tryons.visits import visit_charges as charges
from shared.tryons.visits import visits as stored_visits

SHOP, OTHER = "https://shop.example.com", "https://other.example.com"


@dataclass
class Shop:
    """A seller with a key, a product on sale, and a page that calls the widget's routes."""

    call: App
    key: str
    key_id: str
    token: str = ""

    def start(self, origin: str | None = SHOP, key: str | None = None, **body: Any) -> Answered:
        headers = {"X-Publishable-Key": key or self.key, **({"Origin": origin} if origin else {})}
        answer = self.call("widget_visit_create", body, headers=headers)
        if answer.status == 201:
            self.token = answer.body["token"]
        return answer

    def send(self, name: str, body: Any = None, origin: str | None = SHOP, **headers: str) -> Answered:
        sent = {**({"Origin": origin} if origin else {}), **headers}
        return self.call(f"widget_{name}", body, token=self.token, headers=sent)

    def upload(self) -> Answered:
        return self.send("photo_create", photo(size=(192, 288)), **{"Content-Type": "image/jpeg"})

    def visit(self) -> VisitDocument:
        id = self.token.split("_")[1]
        return stored_visits.get(f"visit:{id}", id)

    def end_job(self, status: str, **fields: Any) -> None:
        """End the latest try-on and its job as a worker would, without an engine."""
        visit = self.visit()
        at = {"status": status, "updatedAt": clock.iso()}
        store().patch("studio", f"tryon:{visit.tryon_id}", visit.user_id, set={**at, **fields})
        store().patch("studio", f"job:{visit.tryon_id}", visit.user_id, set=at)

    def used(self) -> int:
        return quota.get_usage("ada").used

    def charged(self) -> list[VisitChargeDocument]:
        return charges.list(partition="ada").items


@pytest.fixture
def configure(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    from shared import settings

    def change(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        settings.forget()

    change(TRUSTED_PROXY_HOPS="1", VTO_URL="http://127.0.0.1:9", VTO_TOKEN="a-token-of-the-tests-that-is-long-enough")
    return change


@pytest.fixture
def shop(configure: Callable[..., None]) -> Iterator[Shop]:
    add_account("ada", "vendor")
    add_account("eve", "vendor", shop="other")
    sell("p-shirt", "ada", "SHIRT-1")
    sell("p-hat", "eve", "HAT-1")
    wanted = {"name": "Page", "kind": "publishable", "scopes": ["tryon"], "origins": [SHOP]}
    made = App(key_routes)("api_keys_create", wanted, token=tokens.issue("ada", "vendor", 1)[0]).body
    yield Shop(App(bp), made["key"], made["id"])


def sell(id: str, vendor: str, sku: str) -> None:
    add_image(id, vendor, photo(), kind=ImageKind.GARMENT, visibility=Visibility.PUBLIC, name=None)
    blob = StoredRendition(container="images", name="x", width=1, height=1, content_type="image/webp", bytes=9)
    renditions = ProductRenditions(**dict.fromkeys(ProductRenditions.model_fields, blob))
    image = ProductImage(prefix=id, renditions=renditions, width=1, height=1, sha256="0", bytes=9)
    catalogue.create(
        ProductDocument(
            id=ProductId(id), vendor_id=vendor, sku=sku, title=sku, status=ProductStatus.ACTIVE, revision=1,
            image=image, created_at=clock.iso(), updated_at=clock.iso(),
        )
    )  # fmt: skip


def code(answer: Answered) -> tuple[int, str]:
    return answer.status, answer.code


def erase_all(shop: Shop) -> str:
    """Run the sweep and the deletions it asks for; returns the visit's partition."""
    id = shop.visit().user_id
    visits.erase_ended()
    name = service.erasure_name(id)
    job = protocol.load(f"job:erase-{name}", service.erasure_partition(name))
    consume(json.dumps(protocol.pointer(job)), PrivacyStep())
    return id


def test_the_terms_are_those_of_the_settings(shop: Shop, configure: Callable[..., None]) -> None:
    configure(WIDGET_VISIT_S="600", WIDGET_KEEP_DAYS="7")
    terms = shop.send("terms_get")
    assert (terms.status, terms.body) == (200, {"visitS": 600, "keepDays": 7})


def test_a_key_works_at_its_origins_alone(shop: Shop) -> None:
    assert shop.start().status == 201
    refused = shop.start(OTHER)
    assert code(refused) == (403, "origin_not_listed")
    assert OTHER in refused.body["detail"]
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert code(shop.start(None)) == (403, "origin_not_listed")
    assert code(shop.start("null")) == (403, "origin_not_listed")
    assert code(shop.start(f"{SHOP}.evil.com")) == (403, "origin_not_listed")


def test_other_keys_start_no_visit(shop: Shop) -> None:
    token = tokens.issue("ada", "vendor", 1)[0]
    secret = App(key_routes)("api_keys_create", {"name": "Server", "scopes": ["tryon"]}, token=token).body["key"]
    searches = {"name": "Page", "kind": "publishable", "scopes": ["search"], "origins": [SHOP]}
    search = App(key_routes)("api_keys_create", searches, token=token).body["key"]
    assert code(shop.start(key=secret)) == (401, "key_invalid")
    assert code(shop.start(key=shop.key[:-1] + "x")) == (401, "key_invalid")
    assert code(shop.start(key=search)) == (403, "scope")


def test_a_visit_tries_on_and_the_owner_pays(shop: Shop) -> None:
    shop.start()
    assert code(shop.send("tryon_create", {"product": "p-shirt"})) == (409, "no_photo")
    uploaded = shop.upload()
    assert uploaded.status == 201
    assert uploaded.body["photoUrl"].startswith("http")
    started = shop.send("tryon_create", {"product": "SHIRT-1"})
    assert started.status == 202, started.raw
    assert started.body["tryon"]["status"] == "queued"
    assert started.body["tryon"]["productId"] == "p-shirt"
    assert shop.send("visit_get").body["tryonsLeft"] == 9
    assert code(shop.send("tryon_create", {"product": "SHIRT-1"})) == (409, "tryon_open")
    assert (shop.used(), len(shop.charged())) == (1, 1)
    assert quota.get_usage(shop.visit().user_id).used == 0


def test_products_of_other_shops_are_not_tried_on(shop: Shop) -> None:
    shop.start()
    shop.upload()
    for product in ("p-hat", "HAT-1", "nothing"):
        assert code(shop.send("tryon_create", {"product": product})) == (404, "product_not_found")
    assert shop.used() == 0


def test_the_same_article_number_in_many_other_shops_hides_nothing(shop: Shop) -> None:
    for number in range(25):
        add_account(f"other-{number}", "vendor", shop=f"shop-{number}")
        sell(f"a-{number:02}", f"other-{number}", "HAT-9")
    add_account("zoe", "vendor")
    sell("z-hat", "zoe", "HAT-9")
    shop.start()
    shop.upload()
    assert shop.send("tryon_create", {"product": "HAT-9"}).body["tryon"]["productId"] == "z-hat"


def test_a_visit_token_opens_no_other_route(shop: Shop) -> None:
    shop.start()
    assert App(image_routes)("list_images", token=shop.token).status == 401
    assert App(key_routes)("api_keys_list", token=shop.token).status == 401
    assert App(image_routes)("list_images", token=shop.key).status == 401


def test_a_visit_belongs_to_its_page(shop: Shop) -> None:
    shop.start()
    assert code(shop.send("visit_get", origin=OTHER)) == (403, "origin_not_listed")
    shop.token = shop.token[:-1] + ("0" if shop.token[-1] != "0" else "1")
    assert code(shop.send("visit_get")) == (401, "visit_ended")


def test_the_owner_does_not_see_the_photo(shop: Shop) -> None:
    shop.start()
    shop.upload()
    token = tokens.issue("ada", "vendor", 1)[0]
    assert [item["id"] for item in App(image_routes)("list_images", token=token).body["items"]] == ["p-shirt"]
    id = shop.visit().photo_id
    assert App(image_routes)("get_image", token=token, route={"id": str(id)}).status == 404


def test_ending_a_visit_deletes_all_of_it(shop: Shop) -> None:
    shop.start()
    shop.upload()
    shop.send("tryon_create", {"product": "p-shirt"})
    shop.end_job("completed", charged=True)
    id = shop.visit().user_id
    assert shop.send("visit_delete").status == 204
    assert code(shop.send("visit_get")) == (401, "visit_ended")
    assert not list(blobs.listing(blobs.IMAGES, f"{id}/"))
    assert not list(blobs.listing(blobs.THUMBNAILS, f"{id}/"))
    erase_all(shop)
    assert personal_data.count_personal_data(id).is_empty
    assert (shop.used(), shop.charged()) == (1, [])
    assert visits.erase_ended() == 0


def test_a_visit_ends_by_itself(shop: Shop, configure: Callable[..., None]) -> None:
    configure(WIDGET_VISIT_S="0.01")
    shop.start()
    kept_token = shop.token
    stored = shop.visit()
    assert stored.expires_at < clock.now() + 1
    shop.start(keep=True)
    assert shop.visit().expires_at > clock.now() + 29 * 86400
    shop.token = kept_token
    store().patch("studio", stored.id, stored.user_id, set={"expiresAt": clock.now() - 1})
    assert code(shop.send("visit_get")) == (401, "visit_ended")
    assert visits.erase_ended() == 1, "the kept one stays; the empty one goes without a job"
    assert stored_visits.find(stored.id, stored.user_id) is None


def test_a_photo_is_replaced(shop: Shop) -> None:
    shop.start()
    shop.upload()
    first = shop.visit()
    assert shop.upload().status == 201
    assert not list(blobs.listing(blobs.IMAGES, f"{first.user_id}/{first.photo_id}/"))
    assert shop.visit().photos == 2


@pytest.mark.parametrize(
    ("status", "fields", "paid"),
    [("failed", {"charged": False}, 0), ("completed", {"charged": False}, 0), ("completed", {"charged": True}, 1),
     ("cancelled", {"charged": False, "calledIn": 1}, 1), ("cancelled", {"charged": False}, 0)],
)  # fmt: skip
def test_the_owner_pays_for_results_alone(shop: Shop, status: str, fields: dict[str, Any], paid: int) -> None:
    shop.start()
    shop.upload()
    shop.send("tryon_create", {"product": "p-shirt"})
    shop.end_job(status, **fields)
    shop.send("visit_delete")
    visits.erase_ended()
    visits.erase_ended()
    assert (shop.used(), shop.charged()) == (paid, [])


@pytest.mark.processes
@pytest.mark.parametrize("dies", ["before the try-on", "after it"])
def test_a_charge_of_a_process_that_was_killed_is_settled_once(
    shop: Shop, configure: Callable[..., None], dies: str
) -> None:
    """The visit ends, and is settled and erased, between the process's check of it and its charge."""
    shop.start()
    shop.upload()
    killed = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "dying_visit.py"), dies, shop.token, SHOP],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}, check=False,
    )  # fmt: skip
    assert killed.returncode == 9
    assert (len(shop.charged()), shop.used()) == (1, 1)
    if dies == "before the try-on":
        # Nothing names the charge any more but its own document.
        store().delete("studio", shop.visit().id, shop.visit().user_id)
    else:
        shop.end_job("completed", charged=True)
        configure(WIDGET_VISIT_S="1")
    assert visits.erase_ended() == 0
    assert (len(shop.charged()), shop.used()) == (1, 1), "not before it is due"
    for charge in shop.charged():
        store().patch("studio", charge.id, "ada", set={"dueAt": clock.now() - 1})
    visits.erase_ended()
    visits.erase_ended()
    assert (shop.charged(), shop.used()) == ([], int(dies == "after it"))


def test_a_visit_that_ends_while_it_is_charged_starts_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.start()
    shop.upload()
    charge = widget_service.charge_owner

    def late(visit: VisitDocument, id: str, *, confirmed: bool) -> None:
        store().patch("studio", visit.id, visit.user_id, set={"expiresAt": 0.0})
        charge(visit, id, confirmed=confirmed)

    monkeypatch.setattr(widget_service, "charge_owner", late)
    assert code(shop.send("tryon_create", {"product": "SHIRT-1"})) == (401, "visit_ended")
    assert (shop.charged(), shop.used()) == ([], 0)
    assert store().count("studio", Where("type", "=", "tryon_job"), partition=shop.token.split("_")[1]) == 0


def test_two_try_ons_at_once_are_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.start()
    shop.upload()
    charge, first = widget_service.charge_owner, list[Answered]()

    def meanwhile(visit: VisitDocument, id: str, *, confirmed: bool) -> None:
        monkeypatch.setattr(widget_service, "charge_owner", charge)
        first.append(shop.send("tryon_create", {"product": "SHIRT-1"}))
        charge(visit, id, confirmed=confirmed)

    monkeypatch.setattr(widget_service, "charge_owner", meanwhile)
    assert code(shop.send("tryon_create", {"product": "SHIRT-1"})) == (409, "tryon_open")
    assert first[0].status == 202
    assert shop.used() == 1
    assert [charge.id.public for charge in shop.charged()] == [shop.visit().tryon_id]


def test_limits_of_the_key_and_of_the_visit(shop: Shop, configure: Callable[..., None]) -> None:
    configure(WIDGET_TRYONS="2", WIDGET_TRYONS_A_DAY="3", WIDGET_PHOTOS="1")
    for status in (202, 202, 429):
        shop.start() if not shop.token else None
        shop.upload() if shop.visit().photo_id is None else None
        answer = shop.send("tryon_create", {"product": "p-shirt"})
        assert answer.status == status, answer.raw
        shop.end_job("completed")
    assert answer.code == "visit_limit"
    assert code(shop.upload()) == (429, "visit_limit")
    shop.start()
    shop.upload()
    assert shop.send("tryon_create", {"product": "p-shirt"}).status == 202
    shop.end_job("completed")
    assert code(shop.send("tryon_create", {"product": "p-shirt"})) == (429, "widget_limit")
    assert shop.used() == 3


def test_a_key_has_a_limit_of_its_own(shop: Shop) -> None:
    token = tokens.issue("ada", "vendor", 1)[0]
    wanted = {"name": "Page", "kind": "publishable", "scopes": ["tryon"], "origins": [SHOP], "tryonsADay": 0}
    made = App(key_routes)("api_keys_create", wanted, token=token)
    assert made.body["tryonsADay"] == 0
    shop.start(key=made.body["key"])
    shop.upload()
    assert code(shop.send("tryon_create", {"product": "p-shirt"})) == (429, "widget_limit")
    secret = {"name": "Server", "scopes": ["tryon"], "tryonsADay": 5}
    assert App(key_routes)("api_keys_create", secret, token=token).status == 422


def test_an_owner_with_nothing_left(shop: Shop, configure: Callable[..., None]) -> None:
    configure(CONVERSION_QUOTA="0")
    shop.start()
    shop.upload()
    assert code(shop.send("tryon_create", {"product": "p-shirt"})) == (429, "shop_limit")
    assert shop.charged() == []


def test_a_revoked_key_starts_nothing(shop: Shop) -> None:
    shop.start()
    shop.upload()
    App(key_routes)("api_keys_delete", token=tokens.issue("ada", "vendor", 1)[0], route={"id": shop.key_id})
    assert code(shop.send("tryon_create", {"product": "p-shirt"})) == (401, "key_invalid")
    assert code(shop.start()) == (401, "key_invalid")
    assert shop.send("visit_delete").status == 204


def test_no_photo(shop: Shop) -> None:
    shop.start()
    for body in (b"", b"no picture"):
        assert 400 <= shop.send("photo_create", body, **{"Content-Type": "image/jpeg"}).status < 500
    assert shop.visit().photo_id is None
