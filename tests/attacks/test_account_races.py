"""Two changes of one account at the same time, one of them by a thief or a stranger: what the second one writes was
decided by an account that is another one by then.

Each test lets one request begin, another one happen in the middle of it, and looks at what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from accounts_world import OWNER, PASSWORD, STRANGER, World
from http_calls import Answered
from pyotp.totp import TOTP
from test_roles_by_asking import person

from functions.auth import links, members, passwords, second_factor
from shared import clock
from shared.accounts import lifecycle
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.documents.fields import assign

NEW = "the owner's other password"


class Meanwhile:
    """Lets something happen in the middle of a request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.answers: list[Answered] = []

    def __call__(self, module: Any, name: str, act: Callable[[], Answered]) -> None:
        """Have `act` happen, once, when a function is called next, before that does anything."""
        real = getattr(module, name)

        def first(*args: Any, **fields: Any) -> Any:
            self._patch.setattr(module, name, real)
            self.answers.append(act())
            return real(*args, **fields)

        self._patch.setattr(module, name, first)

    @property
    def status(self) -> int:
        """Of the only thing that happened meanwhile."""
        (answer,) = self.answers
        return answer.status


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    return Meanwhile(monkeypatch)


class Account:
    """An account with two sessions: its owner's, and one that was stolen together with the password."""

    def __init__(self, world: World, address: str) -> None:
        world.pass_time(0)
        self.world, self.address = world, address
        self.id: str = world.owner(address)["user"]["id"]
        self.mine, self.stolen = (world.login(address).body["accessToken"] for _ in range(2))

    def begin(self, token: str) -> Answered:
        return self.world.call("auth_second_factor_begin", {"password": PASSWORD}, token=token)

    def confirm(self, token: str, code: str) -> Answered:
        return self.world.call("auth_second_factor_confirm", {"code": code}, token=token)

    def reset(self) -> Answered:
        """The owner sets a new password by e-mail."""
        self.world.call("auth_password_forgot", {"email": self.address})
        return self.world.call("auth_password_reset", {"token": self.world.link(self.address), "password": NEW})

    @property
    def stored(self) -> AccountDocument:
        return accounts.get(self.id, self.id)


@pytest.fixture
def account(world: World, address: str) -> Account:
    return Account(world, address)


def code_of(begun: Answered, steps: int = 0) -> str:
    return TOTP(begun.body["secret"]).at(clock.now() + 30 * steps)


def test_an_enrolment_that_ends_later_does_not_replace_the_one_that_was_confirmed(
    account: Account, meanwhile: Meanwhile
) -> None:
    first = account.begin(account.mine)
    meanwhile(pyotp, "random_base32", lambda: account.confirm(account.mine, code_of(first)))
    late = account.begin(account.stolen)
    assert meanwhile.status == 200
    assert (late.status, late.code) == (409, "account_busy")
    account.world.pass_time(60)
    assert account.world.login(account.address, code=code_of(first)).status == 200


def test_a_code_of_one_enrolment_does_not_switch_on_another(account: Account, meanwhile: Meanwhile) -> None:
    first, begun = account.begin(account.mine), list[Answered]()

    def again() -> Answered:
        begun.append(account.begin(account.stolen))
        return begun[0]

    meanwhile(second_factor, "_recovery_code", again)
    assert account.confirm(account.mine, code_of(first)).code == "account_busy"
    assert account.stored.second_factor is False
    assert account.confirm(account.mine, code_of(first)).code == "second_factor_wrong"
    assert account.confirm(account.mine, code_of(begun[0])).status == 200


def test_recovery_codes_that_were_shown_work_though_it_is_confirmed_twice(
    account: Account, meanwhile: Meanwhile
) -> None:
    begun = account.begin(account.mine)
    meanwhile(second_factor, "_recovery_code", lambda: account.confirm(account.mine, code_of(begun, 1)))
    assert account.confirm(account.mine, code_of(begun)).code == "account_busy"
    shown = meanwhile.answers[0].body["recoveryCodes"][0]
    assert account.world.login(account.address, code=shown).status == 200


def test_an_enrolment_that_died_half_way_is_begun_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> None:
        raise SystemExit

    begun = account.begin(account.mine)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(second_factor.own, "update_own", die)
        account.confirm(account.mine, code_of(begun))
    assert account.begin(account.mine).code == "account_busy"
    account.world.pass_time(second_factor.CONFIRMING_S)
    again = account.begin(account.mine)
    assert account.confirm(account.mine, code_of(again)).status == 200


def test_a_recovery_code_used_twice_at_once_signs_in_once(account: Account, meanwhile: Meanwhile) -> None:
    begun = account.begin(account.mine)
    code = account.confirm(account.mine, code_of(begun)).body["recoveryCodes"][0]
    meanwhile(second_factor, "_write", lambda: account.world.login(account.address, code=code))
    assert account.world.login(account.address, code=code, ip=STRANGER).code == "second_factor_wrong"
    assert meanwhile.status == 200


def test_a_second_factor_is_not_removed_without_a_code_while_it_is_switched_on(
    account: Account, meanwhile: Meanwhile
) -> None:
    begun = account.begin(account.mine)
    meanwhile(passwords, "matches", lambda: account.confirm(account.mine, code_of(begun)))
    body = {"password": PASSWORD, "code": "000000"}
    removed = account.world.call("auth_second_factor_remove", body, token=account.stolen)
    assert (meanwhile.status, removed.code) == (200, "account_busy")
    assert account.stored.second_factor is True


def test_a_thief_s_second_factor_does_not_outlive_the_session(account: Account, meanwhile: Meanwhile) -> None:
    """The owner would not get in any more."""
    begun = account.begin(account.stolen)
    meanwhile(second_factor, "_recovery_code", account.reset)
    assert account.confirm(account.stolen, code_of(begun)).code == "token_invalid"
    assert meanwhile.status == 204
    assert account.world.login(account.address, NEW).status == 200


def test_a_thief_s_address_does_not_outlive_the_session(account: Account, meanwhile: Meanwhile) -> None:
    """Who gets the address gets the account, by a reset."""
    theirs = f"thief.{account.address}"
    body = {"email": theirs, "password": PASSWORD}
    assert account.world.call("auth_email_change", body, token=account.stolen).status == 202
    link = {"token": account.world.link(theirs)}
    meanwhile(lifecycle, "_claim_email", account.reset)
    assert account.world.call("auth_email_confirm", link, token=account.stolen).code == "token_invalid"
    assert meanwhile.status == 204
    assert account.stored.email == account.address
    mine = account.world.login(account.address, NEW).body["accessToken"]
    assert account.world.call("auth_email_confirm", link, token=mine).code == "link_invalid"


@pytest.mark.parametrize("name", ["auth_me_change", "auth_phone_confirm"])
def test_nothing_is_written_by_a_session_that_another_process_has_ended(
    account: Account, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, before = account.world, account.stored
    world.call("auth_me_change", {"phone": "+491701234567"}, token=account.mine)
    world.call("auth_phone_code", token=account.mine)
    assert account.reset().status == 204
    # As a process knows the account that has not read it since.
    monkeypatch.setattr(account_cache, "find", lambda _: before)
    code = sent_code(account)
    body = {"displayName": "Thief"} if name == "auth_me_change" else {"code": code}
    answer = world.call(name, body, token=account.stolen)
    assert (answer.status, answer.code) == (401, "token_invalid")
    assert (account.stored.display_name, account.stored.phone_confirmed) == (None, False)


def sent_code(account: Account) -> str:
    from functions.auth import derived
    from functions.auth.documents import PhoneCodeId, phone_codes

    id = PhoneCodeId.of(account.id)
    code = phone_codes.get(id, id)
    return str(derived.digits(f"{code.id}:{code.nonce}:{code.phone}", code.kid))


def test_a_reset_by_the_old_mailbox_does_not_reach_an_account_that_has_left_it(
    account: Account, meanwhile: Meanwhile
) -> None:
    other = f"other.{account.address}"
    account.world.call("auth_email_change", {"email": other, "password": PASSWORD}, token=account.mine)
    link = {"token": account.world.link(other)}
    meanwhile(passwords, "hash", lambda: account.world.call("auth_email_confirm", link, token=account.mine))
    assert account.reset().code == "link_invalid"
    assert meanwhile.status == 200
    assert account.world.login(other).status == 200


@pytest.mark.parametrize("act", ["reset", "address"])
def test_an_account_whose_deletion_was_asked_for_is_not_changed(
    account: Account, act: str, meanwhile: Meanwhile
) -> None:
    def close() -> Answered:
        lifecycle.close_account(account.id)
        return Answered(204, {}, b"")

    before = account.stored.password_hash
    if act == "reset":
        meanwhile(passwords, "hash", close)
        assert account.reset().code == "link_invalid"
    else:
        other = f"other.{account.address}"
        account.world.call("auth_email_change", {"email": other, "password": PASSWORD}, token=account.mine)
        link = {"token": account.world.link(other)}
        meanwhile(lifecycle, "_claim_email", close)
        assert account.world.call("auth_email_confirm", link, token=account.mine).code == "token_invalid"
        assert account.stored.email == account.address
    assert (account.stored.password_hash, account.stored.disabled) == (before, True)


def test_a_reset_that_broke_off_leaves_a_stranger_s_second_factor_to_the_next_one(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that counts as confirmed keeps its second factor: it must be gone before."""
    world.pass_time(0)
    stranger = world.register(address, "a stranger's password").body["tokens"]["accessToken"]
    begun = world.call("auth_second_factor_begin", {"password": "a stranger's password"}, token=stranger)
    assert world.call("auth_second_factor_confirm", {"code": code_of(begun)}, token=stranger).status == 200

    def reset() -> Answered:
        world.call("auth_password_forgot", {"email": address})
        return world.call("auth_password_reset", {"token": world.link(address), "password": NEW})

    def die(*_: Any) -> None:
        raise SystemExit

    for module, name in ((lifecycle, "update_account"), (second_factor, "forget"), (lifecycle, "_claim_email")):
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(module, name, die)
            reset()
        account_cache.clear()
        world.pass_time(30 * 60)
    assert reset().status == 204
    assert world.login(address, NEW).status == 200


def invited(world: World, merchant: str, guest: str, role: str = "vendor") -> dict[str, str]:
    """What accepts an invitation of a merchant."""
    assert world.call("shop_invite", {"email": guest, "role": role}, token=merchant).status == 202
    return {"token": world.link(guest), "password": PASSWORD}


def test_an_invitation_accepted_twice_at_once_makes_one_account(
    world: World, address: str, meanwhile: Meanwhile
) -> None:
    _, merchant = person(world, address, Role.MERCHANT, "lindenhof")
    body = invited(world, merchant, f"guest.{address}")
    meanwhile(links, "use", lambda: world.call("auth_invitation_accept", body))
    assert world.call("auth_invitation_accept", body).code == "link_invalid"
    assert meanwhile.status == 200


def test_invitations_of_two_shops_at_once_make_a_member_of_one(
    world: World, address: str, meanwhile: Meanwhile
) -> None:
    guest = f"guest.{address}"
    id = world.owner(guest)["user"]["id"]
    bodies = [
        invited(world, person(world, f"{shop}.{address}", Role.MERCHANT, shop)[1], guest)
        for shop in ("lindenhof", "nordwind")
    ]
    meanwhile(links, "use", lambda: world.call("auth_invitation_accept", bodies[0]))
    assert world.call("auth_invitation_accept", bodies[1]).code == "member_elsewhere"
    assert (meanwhile.status, accounts.get(id, id).shop) == (200, "lindenhof")


@pytest.mark.parametrize("act", ["accept", "remove"])
def test_who_becomes_an_administrator_meanwhile_stays_one(
    world: World, address: str, act: str, meanwhile: Meanwhile
) -> None:
    _, merchant = person(world, address, Role.MERCHANT, "lindenhof")
    guest = f"guest.{address}"
    id, _ = person(world, guest, Role.VENDOR, "lindenhof")
    body = invited(world, merchant, guest)

    def promote() -> Answered:
        accounts.patch(id, id, assign(AccountDocument.role, Role.ADMIN))
        return Answered(200, {}, b"")

    meanwhile(members, "_assign", promote)
    if act == "accept":
        assert world.call("auth_invitation_accept", body).code == "member_elsewhere"
    else:
        assert world.call("shop_members_remove", route={"id": id}, token=merchant).code == "member_not_found"
    assert accounts.get(id, id).role is Role.ADMIN


@pytest.mark.parametrize(
    "made",
    [
        assign(AccountDocument.role, Role.SHOPPER),
        assign(AccountDocument.role, Role.VENDOR),
        assign(AccountDocument.shop, "nordwind"),
        assign(AccountDocument.disabled, True),
        None,
    ],
    ids=["removed", "demoted", "elsewhere", "disabled", "erased"],
)
def test_an_invitation_ends_with_the_right_to_invite(world: World, address: str, made: Any) -> None:
    """A member who is about to be removed would come back by it, under another address."""
    inviter, merchant = person(world, address, Role.MERCHANT, "lindenhof")
    guest = f"guest.{address}"
    body = invited(world, merchant, guest, "merchant")
    if made is None:
        accounts.delete(inviter, inviter)
    else:
        accounts.patch(inviter, inviter, made)
    assert world.call("auth_invitation_accept", body).code == "link_invalid"
    assert world.login(guest, ip=OWNER).code == "login_failed"
