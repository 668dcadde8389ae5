"""HTTP triggers of accounts, sessions and members of shops."""

from __future__ import annotations

import azure.functions as func

from functions.auth.models import (
    Accepted,
    ChangedProfile,
    EmailChange,
    EmailConfirmation,
    ForgotPassword,
    Invitation,
    InvitationAcceptance,
    LoginRequest,
    LogoutRequest,
    MemberList,
    Membership,
    MembersQuery,
    NewUser,
    PhoneConfirmation,
    Profile,
    ProfileChange,
    RecoveryCodes,
    RefreshRequest,
    Registered,
    RegisterRequest,
    ResetPassword,
    SecondFactorConfirmation,
    SecondFactorRemoval,
    SecondFactorSecret,
    SecondFactorStart,
    SignedIn,
    Tokens,
    User,
)
from shared.accounts.documents import Role
from shared.http.auth import ADMIN_ONLY, PUBLIC, SIGNED_IN, Access
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()
SHOP_KEEPERS = Access(frozenset({Role.MERCHANT, Role.ADMIN}))


@endpoint(
    bp, "POST", "auth/register", access=PUBLIC, status=201, limit="register",
    body=RegisterRequest, answer=Registered, errors=(409, 503),
)  # fmt: skip
def auth_register(call: Call) -> Registered:
    """Register account

    Signs in immediately. Where addresses are confirmed, a message with a link goes to the address; until it is opened,
    nothing is done that a provider charges for, and the answer is the same whether or not the address has an account.
    A seller role is a request that an administrator approves.
    """
    from functions.auth import service

    return service.register(call.new_id, call.body, call.ip, call.request_id)


@endpoint(
    bp, "POST", "auth/login", access=PUBLIC, limit="auth",
    body=LoginRequest, answer=SignedIn, errors=(401, 503),
)  # fmt: skip
def auth_login(call: Call) -> SignedIn:
    """Sign in

    Keep `deviceToken` and send it with the next sign-in from this device. An account with a second factor answers 401
    `second_factor_required` until `code` is sent.
    """
    from functions.auth import service

    return service.login(call.body, call.ip)


@endpoint(
    bp, "POST", "auth/refresh", access=PUBLIC, limit="refresh",
    body=RefreshRequest, answer=Tokens, errors=(401, 409),
)  # fmt: skip
def auth_refresh(call: Call) -> Tokens:
    """Refresh tokens

    A refresh token works once; using it again ends its session. If the answer was lost, the same request with the
    `deviceToken` of the sign-in gets it again for a minute.
    """
    from functions.auth import service

    return service.refresh(call.body, call.ip)


@endpoint(bp, "POST", "auth/logout", access=SIGNED_IN, status=204, body=LogoutRequest, errors=(409,))
def auth_logout(call: Call) -> None:
    """Sign out

    Ends the session of the access token and, on request, another one or all of them. Every WebSocket of the account is
    closed; pages that stay signed in ask for a new URL.
    """
    from functions.auth import service

    service.logout(call.caller, call.body, call.ip)


@endpoint(bp, "GET", "auth/me", access=SIGNED_IN, answer=Profile)
def auth_me(call: Call) -> Profile:
    """Get account"""
    from functions.auth import service

    return service.me(call.caller)


@endpoint(
    bp, "PATCH", "auth/me", access=SIGNED_IN,
    body=ProfileChange, answer=ChangedProfile, errors=(403, 409, 503),
)  # fmt: skip
def auth_me_change(call: Call) -> ChangedProfile:
    """Update account

    A new password ends every other session.
    """
    from functions.auth import service

    return service.change(call.caller, call.body, call.ip)


@endpoint(
    bp, "POST", "auth/password/forgot", access=PUBLIC, status=202, limit="recovery",
    body=ForgotPassword, answer=Accepted,
)  # fmt: skip
def auth_password_forgot(call: Call) -> Accepted:
    """Request password reset

    Sends a link to the address if it has an account; the answer is the same if not. The link works once.
    """
    from functions.auth import recovery

    return recovery.request_reset(call.body, call.request_id)


@endpoint(
    bp, "POST", "auth/password/reset", access=PUBLIC, status=204, limit="recovery",
    body=ResetPassword, errors=(409, 503),
)  # fmt: skip
def auth_password_reset(call: Call) -> None:
    """Reset password

    By the token of the link. Ends every session; sign in afterwards.
    """
    from functions.auth import recovery

    recovery.reset(call.body, call.ip)


@endpoint(bp, "POST", "auth/me/email/confirmation", access=SIGNED_IN, status=202, answer=Accepted, errors=(409, 503))
def auth_email_confirmation(call: Call) -> Accepted:
    """Send e-mail confirmation again"""
    from functions.auth import contact

    return contact.send_confirmation_again(call.caller, call.request_id)


@endpoint(bp, "POST", "auth/me/email/confirm", access=SIGNED_IN, body=EmailConfirmation, answer=Profile, errors=(409,))
def auth_email_confirm(call: Call) -> Profile:
    """Confirm e-mail address

    By the token of the link, signed in to the account that it was sent for.
    """
    from functions.auth import contact, service

    return service.profile(contact.confirm_email(call.caller, call.body.token, call.ip))


@endpoint(
    bp, "POST", "auth/me/email", access=SIGNED_IN, status=202, limit="auth",
    body=EmailChange, answer=Accepted, errors=(403, 503),
)  # fmt: skip
def auth_email_change(call: Call) -> Accepted:
    """Change e-mail address

    Sends a link to the new address; the change happens when it is confirmed, and the old address is informed.
    """
    from functions.auth import service

    return service.change_email(call.caller, call.body, call.ip, call.request_id)


@endpoint(bp, "POST", "auth/me/phone/code", access=SIGNED_IN, status=202, answer=Accepted, errors=(403, 409))
def auth_phone_code(call: Call) -> Accepted:
    """Send phone confirmation code

    By SMS, to the phone number of the account.
    """
    from functions.auth import contact

    return contact.send_code(call.caller, call.request_id)


@endpoint(bp, "POST", "auth/me/phone/confirm", access=SIGNED_IN, body=PhoneConfirmation, answer=Profile)
def auth_phone_confirm(call: Call) -> Profile:
    """Confirm phone number"""
    from functions.auth import contact, service

    return service.profile(contact.confirm_phone(call.caller, call.body.code, call.ip))


@endpoint(
    bp, "POST", "auth/me/second-factor", access=SIGNED_IN, limit="auth",
    body=SecondFactorStart, answer=SecondFactorSecret, errors=(403, 409, 503),
)  # fmt: skip
def auth_second_factor_begin(call: Call) -> SecondFactorSecret:
    """Begin second factor

    Returns the secret for an authenticator app. It counts once a code was confirmed.
    """
    from functions.auth import service

    return service.begin_second_factor(call.caller, call.body.password, call.ip)


@endpoint(
    bp, "POST", "auth/me/second-factor/confirm", access=SIGNED_IN, limit="auth",
    body=SecondFactorConfirmation, answer=RecoveryCodes, errors=(403, 409),
)  # fmt: skip
def auth_second_factor_confirm(call: Call) -> RecoveryCodes:
    """Confirm second factor

    By a code of the app. From now on signing in takes a code. Returns the recovery codes, this once.
    """
    from functions.auth import service

    return service.confirm_second_factor(call.caller, call.body.code, call.ip)


@endpoint(
    bp, "POST", "auth/me/second-factor/remove", access=SIGNED_IN, status=204, limit="auth",
    body=SecondFactorRemoval, errors=(403, 503),
)  # fmt: skip
def auth_second_factor_remove(call: Call) -> None:
    """Remove second factor"""
    from functions.auth import service

    service.remove_second_factor(call.caller, call.body, call.ip)


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
    bp, "POST", "shop/invitations", access=SHOP_KEEPERS, status=202, body=Invitation, answer=Accepted, errors=(404,)
)
def shop_invite(call: Call) -> Accepted:
    """Invite member

    Sends a link by which its reader becomes a vendor or merchant of the shop.
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
