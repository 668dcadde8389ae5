"""Work that costs money, asked for with accounts that cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from accounts_world import World
from http_calls import Answered
from hypothesis import given
from hypothesis import strategies as st
from over_http import photo

from shared import clock
from shared.commerce import ceilings
from shared.commerce.ceilings import Spending
from shared.documents import Where, store
from shared.errors import Forbidden, QuotaExceeded, StudioError, Unavailable
from shared.http.auth import Principal, authenticate


@pytest.fixture
def farmer(world: World, address: str) -> Principal:
    """An account whose address is not confirmed."""
    access = world.register(address, phone="+15551230000").body["tokens"]["accessToken"]
    caller = authenticate(f"Bearer {access}")
    assert caller.confirmed is False
    return caller


def paid_acts(user: Principal) -> dict[str, Callable[[], Any]]:
    """Everything that costs money at a provider, or outlives a change of owner."""
    from functions.auth import contact
    from functions.convert import service as convert
    from functions.convert.models import ConversionRequest
    from functions.fashn.inputs import resolve_input
    from functions.keys import service as keys
    from functions.keys.models import ApiKeyRequest
    from functions.paypal import service as paypal
    from functions.paypal.models import OrderRequest
    from functions.tryon import batches
    from functions.tryon.models import BatchRequest
    from functions.webhooks import service as webhooks
    from functions.webhooks.models import WebhookRequest
    from shared.images.documents import ImageKind, Visibility
    from shared.images.uploads import add_image

    person, garment = f"person-{user.user_id}", f"garment-{user.user_id}"
    for id, kind in ((person, ImageKind.PERSON), (garment, ImageKind.GARMENT)):
        add_image(id, user.user_id, photo(), kind=kind, visibility=Visibility.PRIVATE, name=None)
    conversion = ConversionRequest.model_validate({"personImageId": person, "garmentImageId": garment})
    batch = BatchRequest.model_validate({"personImageId": person, "productIds": [garment]})
    key = ApiKeyRequest.model_validate({"name": "mine", "scopes": ["tryon"]})
    hook = WebhookRequest.model_validate({"url": "https://8.8.8.8/", "events": ["job.completed"]})
    return {
        "conversion": lambda: convert.create_conversion(user, "01c", conversion, "r"),
        "batch": lambda: batches.create_batch(user, "01b", batch, "gemini", "r"),
        "credits": lambda: paypal.create_order(user, "01p", OrderRequest(pack="starter"), "r"),
        "API key": lambda: keys.create_key(user, "01k", key),
        "webhook": lambda: webhooks.create_webhook(user, "01w", hook),
        "SMS": lambda: contact.send_code(user, "r"),
        "call to a chosen address": lambda: resolve_input(
            user, "https://8.8.8.8/a.png", "image", "01i", ImageKind.GARMENT, []
        ),
    }


def test_an_unconfirmed_account_gets_nothing_that_a_provider_charges_for(farmer: Principal) -> None:
    for name, act in paid_acts(farmer).items():
        with pytest.raises(StudioError) as refused:
            act()
        assert refused.value.code in ("email_unconfirmed", "unknown_pack"), name
        if name != "credits":
            assert isinstance(refused.value, Forbidden), name
    assert store().count("studio", Where("type", "=", "job"), partition=farmer.user_id) == 0


def test_an_unconfirmed_account_has_a_few_try_ons_by_the_built_in_engines(
    farmer: Principal, change: Callable[..., None]
) -> None:
    from shared.commerce import quota

    change(UNCONFIRMED_QUOTA="3")
    (only,) = list(quota.reservations(farmer.user_id, confirmed=False))
    for _ in range(3):
        store().batch("studio", farmer.user_id, [only.operation])
    with pytest.raises(StudioError):
        store().batch("studio", farmer.user_id, [only.operation])
    assert len(list(quota.reservations(farmer.user_id))) == 2
    assert isinstance(quota.unconfirmed_error(), QuotaExceeded)


def test_nothing_is_sent_to_addresses_that_are_not_confirmed(farmer: Principal) -> None:
    from shared.accounts.documents import accounts
    from shared.notifications.documents import Channel
    from shared.notifications.senders import SENDERS, Recipient, Skipped

    account = accounts.get(farmer.user_id, farmer.user_id)
    recipient = Recipient(account.id, account.email, account.phone, account.email_confirmed, account.phone_confirmed)
    for channel in (Channel.EMAIL, Channel.SMS):
        with pytest.raises(Skipped, match="not confirmed"):
            SENDERS[channel].send(recipient, None, "key", 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("window", ["AN_HOUR", "A_DAY"])
@pytest.mark.parametrize(
    ("kind", "name"), [(Spending.CONVERSION, "CONVERSIONS"), (Spending.SMS, "SMS"), (Spending.EMAIL, "EMAILS")]
)
def test_a_ceiling_over_all_users_holds_under_a_race_and_alerts_once(
    world: World, change: Callable[..., None], kind: Spending, name: str, window: str
) -> None:
    change(**{f"{name}_{window}": "10"})
    number = "+4915112345678" if kind is Spending.SMS else None

    def take(_: int) -> bool:
        try:
            ceilings.take(kind, number)
        except Unavailable as refused:
            assert refused.code == "ceiling_reached"
            assert refused.retry_after
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(30))) == 10
    with pytest.raises(Unavailable, match="ceiling"):
        ceilings.check(kind)
    alerts = store().query("audit", Where("action", "=", "SPENDING_ALERT"), partition="system").items
    assert sorted(alert["spent"] for alert in alerts) == [8, 10]


def test_messages_to_strangers_leave_half_of_the_ceiling_to_others(
    world: World, address: str, change: Callable[..., None]
) -> None:
    """Registrations with invented addresses, or a merchant's invitations, would otherwise stop all e-mails."""
    owner = world.owner(address)["user"]["email"]
    change(EMAILS_AN_HOUR="20")
    invented = [f"farmer.{clock.new_id()}@example.com" for _ in range(14)]
    for one in invented:
        world.register(one)
    world.deliver()
    sent = sum(bool(world.messages(one)) for one in invented)
    assert sent == 20 * ceilings.STRANGERS_SHARE - 1, "and one to the owner"
    world.call("auth_password_forgot", {"email": owner})
    assert world.link(owner)
    alerts = store().query("audit", Where("action", "=", "SPENDING_ALERT"), partition="system").items
    assert [alert["spent"] for alert in alerts] == [10]


def test_a_merchant_invites_few_in_an_hour(world: World, address: str, change: Callable[..., None]) -> None:
    from functions.auth import service

    service.ensure_admin(address, "correct horse battery")
    change(RATE_LIMIT_SCALE="1")
    admin = world.login(address).body["accessToken"]

    def invite() -> Answered:
        body = {"email": f"guest.{clock.new_id()}@example.com", "role": "vendor", "shop": "nordwind"}
        return world.call("shop_invite", body, token=admin)

    answers = [invite() for _ in range(31)]
    assert [answer.status for answer in answers[:30]] == [202] * 30
    assert answers[30].status == 429
    assert int(answers[30].headers["Retry-After"]) > 0


def test_administrators_are_alerted_by_a_notification(world: World, address: str, change: Callable[..., None]) -> None:
    from functions.auth import service

    admin = service.ensure_admin(address, "correct horse battery")
    change(CONVERSIONS_A_DAY="5")
    for _ in range(5):
        ceilings.take(Spending.CONVERSION)
    found = store().query("studio", Where("type", "=", "notification"), partition=admin).items
    assert {note["event"] for note in found} == {"spending.alert"}
    assert len(found) == 2


def test_a_kind_is_paused_and_goes_on(world: World, address: str) -> None:
    from http_calls import App

    from functions.admin.blueprint import bp
    from functions.auth import service

    service.ensure_admin(address, "correct horse battery")
    admin, call = world.login(address).body["accessToken"], App(bp)

    def switch(kind: str, paused: bool) -> int:
        body = {"paused": paused, "reason": "a test"}
        return call("admin_spending_change", body, route={"kind": kind}, token=admin).status

    assert switch("conversion", True) == 200
    with pytest.raises(Unavailable) as refused:
        ceilings.take(Spending.CONVERSION)
    assert refused.value.code == "spending_paused"
    with pytest.raises(Unavailable):
        ceilings.check(Spending.CONVERSION)
    ceilings.take(Spending.EMAIL)
    assert switch("conversion", False) == 200
    ceilings.take(Spending.CONVERSION)
    assert switch("petrol", True) == 404
    states = {state["kind"]: state for state in call("admin_spending_list", token=admin).body["items"]}
    assert states["conversion"]["paused"] is False
    assert {window["name"]: window["spent"] for window in states["conversion"]["windows"]} == {"hour": 1, "day": 1}


@pytest.mark.parametrize("number", ["+883510000000", "+882123456789", "+881612345678", "+97912345678", "+87012345678"])
def test_nothing_goes_to_satellite_and_premium_networks(world: World, number: str) -> None:
    with pytest.raises(Unavailable) as refused:
        ceilings.take(Spending.SMS, number)
    assert refused.value.code == "ceiling_reached"


def test_a_country_has_a_ceiling_of_its_own(world: World, change: Callable[..., None]) -> None:
    change(SMS_A_DAY_BY_PREFIX='{"*": 2, "+49": 3, "+49176": 1}')

    def sent(prefix: str) -> int:
        count = 0
        for n in range(5):
            try:
                ceilings.take(Spending.SMS, f"{prefix}{n}000000")
            except Unavailable:
                continue
            count += 1
        return count

    assert [sent(prefix) for prefix in ("+49176", "+49", "+4420", "+4479", "+1555", "+35312")] == [1, 3, 2, 0, 2, 2]


@given(st.integers(1, 999), st.text("0123456789", min_size=7, max_size=12))
def test_a_calling_code_begins_the_number_and_is_that_of_longer_numbers(code: int, rest: str) -> None:
    found = ceilings.calling_code(f"+{code}{rest}")
    assert f"+{code}{rest}".startswith(found)
    assert 2 <= len(found) <= 4
    assert ceilings.calling_code(f"+{code}{rest}0") == found


@pytest.mark.parametrize(
    ("number", "code"),
    [("+15551234567", "+1"), ("+4915112345", "+49"), ("+79161234567", "+7"), ("+353861234567", "+353"),
     ("+883510000000", "+883"), ("+8613800138000", "+86"), ("+971501234567", "+971"), ("+27821234567", "+27")],
)  # fmt: skip
def test_calling_codes(number: str, code: str) -> None:
    assert ceilings.calling_code(number) == code
