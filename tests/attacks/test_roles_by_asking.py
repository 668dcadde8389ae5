"""Becoming a seller, or a member of someone's shop, without being invited or approved."""

from __future__ import annotations

from typing import Any

import pytest
from accounts_world import OWNER, PASSWORD, World

from shared import clock
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.documents.fields import assign
from shared.http import tokens


def person(world: World, address: str, role: Role, shop: str) -> tuple[str, str]:
    """An account of a role in a shop: its id and access token."""
    made = world.owner(address)
    id = made["user"]["id"]
    accounts.patch(id, id, assign(AccountDocument.role, role), assign(AccountDocument.shop, shop))
    account_cache.invalidate(id)
    return id, made["tokens"]["accessToken"]


@pytest.mark.parametrize("role", ["vendor", "merchant"])
def test_asking_for_a_seller_role_gives_none(world: World, address: str, role: str) -> None:
    user = world.register(address, role=role).body["user"]
    assert (user["role"], user["requestedRole"]) == ("shopper", role)
    made = world.owner(f"second.{address}")
    answer = world.call("auth_me_change", {"role": role}, token=made["tokens"]["accessToken"])
    assert answer.status == 422
    assert world.call("shop_members_list", token=made["tokens"]["accessToken"]).status == 403


def test_an_administrator_approves_into_a_shop_that_is_named(world: World, address: str) -> None:
    from functions.admin import users
    from functions.admin.models.users import UserChange, UsersQuery
    from shared.errors import Unprocessable
    from shared.http.auth import Principal

    admin = Principal("root", Role.ADMIN, "t", clock.now() + 60)
    id = world.register(address, role="vendor").body["user"]["id"]
    assert [user.id for user in users.list_users(UsersQuery(requested_role=Role.VENDOR)).items] == [id]
    with pytest.raises(Unprocessable, match="shop"):
        users.update_user(admin, id, UserChange(role=Role.VENDOR, reason="approved"))
    changed = users.update_user(admin, id, UserChange(role=Role.VENDOR, shop="nordwind", reason="approved"))
    assert (changed.role, changed.shop, changed.requested_role) == (Role.VENDOR, "nordwind", None)
    assert users.list_users(UsersQuery(requested_role=Role.VENDOR)).items == []


def test_a_merchant_invites_into_the_own_shop_and_no_other(world: World, address: str) -> None:
    _, merchant = person(world, address, Role.MERCHANT, "lindenhof")
    guest = f"guest.{address}"
    body: dict[str, Any] = {"email": guest, "role": "vendor"}
    assert world.call("shop_invite", {**body, "shop": "nordwind"}, token=merchant).code == "shop_not_found"
    assert world.call("shop_invite", {**body, "role": "admin"}, token=merchant).status == 422
    assert world.call("shop_invite", body, token=merchant).status == 202
    token = world.link(guest)
    assert world.call("auth_invitation_accept", {"token": token}).code == "password_required"
    joined = world.call("auth_invitation_accept", {"token": token, "password": PASSWORD}).body
    assert (joined["email"], joined["role"], joined["shop"]) == (guest, "vendor", "lindenhof")
    assert world.call("auth_invitation_accept", {"token": token, "password": PASSWORD}).code == "link_invalid"
    assert world.login(guest, ip=OWNER).body["user"]["shop"] == "lindenhof"
    members = world.call("shop_members_list", token=merchant).body["items"]
    assert {member["email"] for member in members} == {address, guest}


def test_an_invitation_is_for_the_owner_of_the_address(world: World, address: str) -> None:
    """Who registers the address after the invitation does not get the role; the owner of the mailbox does."""
    _, merchant = person(world, address, Role.MERCHANT, "lindenhof")
    guest = f"guest.{address}"
    world.call("shop_invite", {"email": guest, "role": "merchant"}, token=merchant)
    link = world.link(guest)
    squatter = world.register(guest, "a stranger's password").body
    world.call("auth_invitation_accept", {"token": link, "password": PASSWORD})
    me = world.call("auth_me", token=squatter["tokens"]["accessToken"]).body
    assert (me["role"], me["shop"]) == ("shopper", "default")
    assert world.login(guest).body["user"]["role"] == "merchant"


def test_a_member_of_one_shop_is_not_pulled_into_another(world: World, address: str) -> None:
    _, merchant = person(world, address, Role.MERCHANT, "lindenhof")
    other = f"other.{address}"
    id, _ = person(world, other, Role.VENDOR, "nordwind")
    world.call("shop_invite", {"email": other, "role": "vendor"}, token=merchant)
    assert world.call("auth_invitation_accept", {"token": world.link(other)}).code == "member_elsewhere"
    assert world.call("shop_members_remove", route={"id": id}, token=merchant).code == "member_not_found"
    assert accounts.get(id, id).shop == "nordwind"


def test_a_removed_member_is_a_shopper_at_once(world: World, address: str) -> None:
    _, merchant = person(world, address, Role.MERCHANT, "lindenhof")
    id, access = person(world, f"vendor.{address}", Role.VENDOR, "lindenhof")
    assert world.call("shop_members_remove", route={"id": id}, token=merchant).status == 204
    me = world.call("auth_me", token=access).body
    assert (me["role"], me["shop"]) == ("shopper", "default")
    mine = tokens.verify(merchant)["sub"]
    assert world.call("shop_members_remove", route={"id": mine}, token=merchant).code == "own_account"
    assert world.call("shop_members_remove", route={"id": "missing"}, token=merchant).code == "member_not_found"


def test_a_seller_made_by_an_administrator_needs_a_shop(world: World, address: str) -> None:
    from functions.auth import service

    service.ensure_admin(f"root.{address}", PASSWORD)
    admin = world.login(f"root.{address}").body["accessToken"]
    body = {"email": address, "password": PASSWORD, "role": "vendor"}
    assert world.call("admin_users_create", body, token=admin).code == "shop_required"
    made = world.call("admin_users_create", {**body, "shop": "nordwind"}, token=admin).body
    assert (made["role"], made["shop"], made["emailConfirmed"]) == ("vendor", "nordwind", True)
    assert world.call("admin_users_create", {**body, "shop": "nordwind"}, token=admin).code == "email_taken"
    assert world.call("admin_users_create", {**body, "role": "admin"}, token=admin).status == 422
