"""The index follows the products: changes, removals, moves between shops, in any order, wherever a process dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from market import EVERY, Market, ids

from functions.search import indexer
from functions.search.engine import index
from functions.search.engine.documents import journal_entries
from shared import clock
from shared.accounts.documents import Role
from shared.catalogue.documents import EmbeddingDocument, ProductDocument, ProductStatus, embeddings, products
from shared.documents import Where, store
from shared.documents.fields import assign
from shared.errors import Unavailable
from shared.jobs import queues


def message(product: ProductDocument, **more: Any) -> str:
    body = {"v": 1, "tenantId": product.vendor_id, "productId": product.id, "revision": product.revision}
    return json.dumps({**body, **more})


def writes(market: Market) -> int:
    return journal_entries.count(partition=market.shop)


def test_a_change_is_found_by_its_seq_and_repeating_its_message_writes_nothing(market: Market) -> None:
    product = market.product(0, index=False)
    assert ids(market.text(EVERY)) == []
    for _ in range(3):
        indexer.consume(message(product))
    record = embeddings.find(product.id, market.vendor)
    assert record and record.seq == writes(market) == 1
    assert ids(market.text(EVERY, after=record.seq)) == [product.id]
    changed = market.change(product, title="Xanthic anorak", price=None)
    for late in (changed, product, changed):
        indexer.consume(message(late))
    again = embeddings.find(product.id, market.vendor)
    assert again and (again.revision, again.seq, again.vector) == (2, 2, record.vector)
    best = market.text("xanthic").results[0]
    assert (best.title, best.price) == ("Xanthic anorak", None)
    assert best.why.words > 0
    with pytest.raises(Unavailable) as behind:
        market.text(EVERY, after=99)
    assert behind.value.code == "index_behind"


def test_what_is_retired_or_gone_leaves_the_index_and_can_come_back(market: Market) -> None:
    product = market.product(0)
    market.retire(product)
    assert index().stats(market.shop).delta == 0
    assert embeddings.find(product.id, market.vendor) is None
    back = market.change(product, status=ProductStatus.ACTIVE)
    indexer.consume(message(back))
    assert ids(market.text(EVERY)) == [product.id]
    # Erasure removes the documents and tells where the product was.
    products.delete(product.id, market.vendor)
    embeddings.delete(product.id, market.vendor)
    indexer.consume(message(back, revision=back.revision + 1, shop=market.shop))
    assert index().stats(market.shop).delta == 0


def test_a_vendor_takes_their_products_into_another_shop_and_back(market: Market) -> None:
    made = [market.product(seed) for seed in range(2)]
    elsewhere = Market()
    for shop in (elsewhere.shop, market.shop, elsewhere.shop):
        market.move(market.vendor, shop)
        assert market.text(EVERY).results == [] or shop == market.shop
        indexer.consume(json.dumps({"v": 1, "tenantId": market.vendor, "productId": None}))
        here, there = (market, elsewhere) if shop == market.shop else (elsewhere, market)
        assert set(ids(here.text(EVERY))) == {one.id for one in made}
        assert index().stats(there.shop).delta == 0


def test_an_administrator_moves_a_vendor_and_the_act_is_audited(market: Market) -> None:
    from functions.admin import users
    from functions.admin.models.users import UserChange

    product, elsewhere = market.product(0), Market()
    store().patch("accounts", market.vendor, market.vendor, set={"email": "v@example.com", "disabled": False,
                  "phone": None, "language": None, "createdAt": clock.iso(), "updatedAt": clock.iso()})  # fmt: skip
    root = market.principal("root", Role.ADMIN)
    detail = users.update_user(root, market.vendor, UserChange(shop=elsewhere.shop, reason="a merger"))
    assert detail.shop == elsewhere.shop
    assert ids(market.text(EVERY)) == [], "hidden immediately, whatever the index says"
    assert market.work() == 1
    assert ids(elsewhere.text(EVERY)) == [product.id]
    (entry,) = store().query("audit", Where("action", "=", "USER_SHOP_CHANGED")).items
    assert (entry["before"], entry["after"], entry["reason"]) == (market.shop, elsewhere.shop, "a merger")


@pytest.mark.parametrize("where", ["before the embedding", "before the journal", "before the confirmation"])
def test_a_death_between_any_two_writes_is_made_good(
    market: Market, local: dict[str, str], change: Callable[..., None], where: str
) -> None:
    product = market.product(0, index=False)
    code = """
import os, sys
from functions.search import indexer
from functions.search.engine import index
die = lambda *a, **k: os.kill(os.getpid(), 9)
place = sys.argv[1]
if place == "before the embedding": indexer.new_embedding = die
elif place == "before the journal": indexer.index_item = die
else: indexer.confirm = die
indexer.consume(sys.argv[2])
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    died = subprocess.run([sys.executable, "-c", code, where, message(product)], env=environment, check=False)
    assert died.returncode == -9
    record = embeddings.find(product.id, market.vendor)
    assert record is None if where == "before the embedding" else record and record.seq is None
    if record is None:
        indexer.consume(message(product))
    else:
        # The message may be lost with its queue: the timer finds what was left unconfirmed.
        embeddings.patch(product.id, market.vendor, assign(EmbeddingDocument.due_at, clock.now() - 1))
        assert indexer.resend_unconfirmed() == 1
        assert market.work() == 1
    confirmed = embeddings.find(product.id, market.vendor)
    assert confirmed and confirmed.seq is not None and confirmed.due_at is None
    assert ids(market.text(EVERY)) == [product.id]
    assert indexer.resend_unconfirmed() == 0


def test_a_message_that_failed_too_often_comes_again_later_and_not_for_ever(market: Market) -> None:
    product = market.product(0, index=False)
    indexer.handle_poison_message(message(product))
    assert queues.client(queues.INDEX).get_queue_properties().approximate_message_count == 1
    assert market.work() == 0, "it is hidden for now"
    queues.client(queues.INDEX).clear_messages()
    indexer.handle_poison_message(message(product, retries=indexer.MAX_POISON_RETRIES))
    assert queues.client(queues.INDEX).get_queue_properties().approximate_message_count == 0
    for garbage in ("", "{}", "[1]", '{"tenantId": 3}'):
        indexer.consume(garbage)
        indexer.handle_poison_message(garbage)
