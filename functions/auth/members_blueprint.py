"""HTTP triggers of invitations, members of shops, and accounts that administrators create."""

from __future__ import annotations

import azure.functions as func

from functions.auth.contact_models import Accepted
from functions.auth.member_models import Invitation, InvitationAcceptance, MemberList, Membership, MembersQuery, NewUser
from functions.auth.profile_models import User
from shared.accounts.roles import Role
from shared.http.auth import ADMIN_ONLY, PUBLIC, Access
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()
SHOP_KEEPERS = Access(frozenset({Role.MERCHANT, Role.ADMIN}))


@endpoint(
    bp, "POST", "auth/invitations/accept", access=PUBLIC, limit="recovery",
    body=InvitationAcceptance, answer=Membership, errors=(409, 503),
)  # fmt: skip
def auth_invitation_accept(call: Call) -> Membership:
    """Accept invitation

    By the token of the link. With a password it makes an account if the address has none; sign in afterwards.
    """
    from functions.auth import members

    return members.accept(call.new_id, call.body, call.ip)


@endpoint(
    bp, "POST", "shop/invitations", access=SHOP_KEEPERS, status=202, limit="invitations",
    body=Invitation, answer=Accepted, errors=(403, 404, 503),
)  # fmt: skip
def shop_invite(call: Call) -> Accepted:
    """Invite member

    Sends a link by which its reader becomes a vendor or merchant of the shop, while who invited may still do so. 403
    `sign_in_again` in a session older than an hour.
    """
    from functions.auth import members

    return members.invite(call.caller, call.body, call.request_id)


@endpoint(bp, "GET", "shop/members", access=SHOP_KEEPERS, query=MembersQuery, answer=MemberList, errors=(404, 422))
def shop_members_list(call: Call) -> MemberList:
    """List members of shop"""
    from functions.auth import members

    return members.list_members(call.caller, call.query)


@endpoint(bp, "DELETE", "shop/members/{id}", access=Access(frozenset({Role.MERCHANT})), status=204, errors=(404, 409))
def shop_members_remove(call: Call) -> None:
    """Remove member from shop

    The account is a shopper's afterwards. Administrators change the role instead.
    """
    from functions.auth import members

    members.remove(call.caller, call.path["id"])


@endpoint(bp, "POST", "admin/users", access=ADMIN_ONLY, status=201, body=NewUser, answer=User, errors=(409, 422, 503))
def admin_users_create(call: Call) -> User:
    """Create user (admin)

    The e-mail address and phone number count as confirmed; a vendor or merchant becomes a member of the shop named.
    """
    from functions.auth import members

    return members.create_user(call.caller, call.new_id, call.body)
