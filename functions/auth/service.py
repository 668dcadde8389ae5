"""Identity: register, sign in, refresh, sign out, and one's own profile."""

from __future__ import annotations

from functions.auth import passwords, sessions, throttle
from functions.auth.models import (
    ChangedProfile,
    LoginRequest,
    LogoutRequest,
    PasswordChange,
    Profile,
    ProfileChange,
    Quota,
    RefreshRequest,
    Registered,
    RegisterRequest,
    SignedIn,
    Tokens,
    User,
)
from shared import audit, clock, telemetry
from shared.accounts import email as addresses
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, RevokedToken, Role, accounts
from shared.commerce import credits, quota
from shared.documents.fields import Change, assign
from shared.errors import Forbidden, TooManyRequests, Unauthorized
from shared.http import tokens
from shared.http.auth import Principal

ANONYMOUS = "anonymous"
"""Under whom the audit log keeps failures that concern no account, with the month: no partition grows for ever."""

REVOKED_MAX = 200
"""Denied access tokens an account document holds; more within their few minutes, and all tokens are denied."""


def register(new_id: str, asked: RegisterRequest, ip: str) -> Registered:
    """Make an account and sign in.

    Raises:
        Unprocessable: `invalid_email`, `weak_password`.
        Conflict: `email_taken`.
    """
    email = addresses.normalise(asked.email)
    passwords.check(asked.password, email)
    if lifecycle.find_account_by_email(addresses.hash_of(email)) is not None:
        raise lifecycle.email_taken_error()
    account = lifecycle.create_account(
        new_id,
        email,
        passwords.hash(asked.password),
        Role(asked.role),
        display_name=asked.display_name,
        phone=asked.phone,
    )
    audit.record(account.id, "REGISTERED", ip=ip, role=asked.role)
    return Registered(user=User.of(account), tokens=_sign_in(account))


def login(asked: LoginRequest, ip: str) -> SignedIn:
    """Sign in by e-mail and password.

    Raises:
        Unauthorized: `login_failed`, whatever the cause; known and unknown addresses cost the same work.
        TooManyRequests: `login_throttled`.
    """
    digest = addresses.hash_of(addresses.normalise(asked.email))
    account = lifecycle.find_account_by_email(digest)
    known = account.id if account else f"{ANONYMOUS}:{clock.iso()[:7]}"
    try:
        throttle.reserve(digest, clock.now())
    except TooManyRequests:
        audit.record(known, "LOGIN_FAILED", ip=ip, emailHash=digest, cause="throttled")
        raise
    right = passwords.matches(asked.password, account.password_hash if account else None)
    if account is None or not right or account.disabled:
        cause = "unknown" if account is None else "disabled" if right else "password"
        audit.record(known, "LOGIN_FAILED", ip=ip, emailHash=digest, cause=cause)
        raise Unauthorized("e-mail address or password is wrong", code="login_failed")
    throttle.clear(digest)
    _rehash(account, asked.password)
    audit.record(known, "LOGIN", ip=ip)
    return SignedIn(**_sign_in(account).model_dump(), user=User.of(account))


def refresh(asked: RefreshRequest, ip: str) -> Tokens:
    """Exchange a refresh token for a new pair.

    Raises:
        Unauthorized: `refresh_invalid`; one used before revokes its whole family.
        Conflict: `refresh_superseded`: another request has just used it.
    """
    at = clock.now()
    session = sessions.present(asked.refresh_token, ip, at)
    account = accounts.find(session.user_id, session.user_id)
    if account is None or account.disabled or account.token_version != session.token_version:
        raise sessions.refused()
    return _tokens(account, sessions.rotate(session, at))


def logout(caller: Principal, asked: LogoutRequest, ip: str) -> None:
    """End the access token used, and as asked a session or all of them."""

    def revoke(account: AccountDocument) -> list[Change]:
        now = clock.now()
        unexpired = [token for token in account.revoked if token.exp + tokens.LEEWAY_S > now]
        if asked.everywhere or len(unexpired) >= REVOKED_MAX:
            return _invalidate_tokens(account)
        ended = RevokedToken(jti=caller.token_id, exp=caller.expires)
        return [assign(AccountDocument.revoked, (*unexpired, ended))]

    if asked.refresh_token is not None:
        sessions.end(asked.refresh_token, caller.user_id)
    lifecycle.update_account(caller.user_id, revoke)
    audit.record(caller.user_id, "LOGOUT", ip=ip, everywhere=asked.everywhere)


def me(caller: Principal) -> Profile:
    """One's own account."""
    account = accounts.get(caller.user_id, caller.user_id)
    return Profile.of(account, quota=_quota(account), credits=credits.get_balance(account.id))


def change(caller: Principal, asked: ProfileChange, ip: str) -> ChangedProfile:
    """Change one's own account; a new password ends every session and begins one.

    Raises:
        Forbidden: `wrong_password`: the current one is another.
        Conflict: `account_busy`: it was changed meanwhile; retryable.
        TooManyRequests: `login_throttled`.
        Unprocessable: `weak_password`.
    """
    proven, new_hash = _new_password(caller, asked.password, ip) if asked.password else (None, None)

    def changes(account: AccountDocument) -> list[Change]:
        if new_hash is None:
            return _profile_changes(asked)
        if account.password_hash != proven:
            raise lifecycle.account_busy_error()
        password = assign(AccountDocument.password_hash, new_hash)
        return [*_profile_changes(asked), password, *_invalidate_tokens(account)]

    account = lifecycle.update_account(caller.user_id, changes)
    tokens = None
    if proven is not None:
        audit.record(caller.user_id, "PASSWORD_CHANGED", ip=ip)
        tokens = _sign_in(account)
    return ChangedProfile.of(account, quota=_quota(account), credits=credits.get_balance(account.id), tokens=tokens)


def ensure_admin(email: str, password: str) -> str:
    """Make sure that an administrator with this address and password exists; returns the id.

    The only way to the role: no request can ask for it. `./studio admin create` calls it with the deployment's
    settings. An account that already had the address is promoted, gets this password, and loses every session, since
    whoever registered it need not be who it is meant for. Repeated with the same password it changes nothing.

    Raises:
        Unprocessable: `invalid_email`, `weak_password`.
    """
    email = addresses.normalise(email)
    passwords.check(password, email)
    account = lifecycle.find_account_by_email(addresses.hash_of(email))
    if account is None:
        account = lifecycle.create_account(clock.new_id(), email, passwords.hash(password), Role.ADMIN)
    elif account.role is Role.ADMIN and not account.disabled and passwords.matches(password, account.password_hash):
        return account.id
    else:
        hashed = passwords.hash(password)

        def promote(found: AccountDocument) -> list[Change]:
            return [
                assign(AccountDocument.role, Role.ADMIN),
                assign(AccountDocument.password_hash, hashed),
                assign(AccountDocument.disabled, False),
                *_invalidate_tokens(found),
            ]

        account = lifecycle.update_account(account.id, promote)
    audit.record(account.id, "ADMIN_ENSURED")
    return account.id


def _profile_changes(asked: ProfileChange) -> list[Change]:
    changes = {
        "display_name": assign(AccountDocument.display_name, asked.display_name),
        "phone": assign(AccountDocument.phone, asked.phone),
        "language": assign(AccountDocument.language, asked.language),
    }
    return [change for name, change in changes.items() if name in asked.model_fields_set]


def _invalidate_tokens(account: AccountDocument) -> list[Change]:
    """The changes that end every access token and session of an account."""
    return [
        assign(AccountDocument.token_version, account.token_version + 1),
        assign(AccountDocument.revoked, ()),
    ]


def _new_password(caller: Principal, asked: PasswordChange, ip: str) -> tuple[str, str]:
    """The stored hash that the current password was proven against, and the hash of the new one."""
    account = accounts.get(caller.user_id, caller.user_id)
    passwords.check(asked.new, account.email, field="password.new")
    throttle.reserve(account.email_hash, clock.now())
    if not passwords.matches(asked.current, account.password_hash):
        audit.record(caller.user_id, "PASSWORD_CHANGE_FAILED", ip=ip)
        raise Forbidden("the current password is another", code="wrong_password", field="password.current")
    throttle.clear(account.email_hash)
    return account.password_hash, passwords.hash(asked.new)


def _rehash(account: AccountDocument, password: str) -> None:
    """Replace a hash of an older kind; a login never fails over it."""
    if not passwords.outdated(account.password_hash):
        return
    try:
        hashed = assign(AccountDocument.password_hash, passwords.hash(password))
        at = assign(AccountDocument.updated_at, clock.iso())
        accounts.patch(account.id, account.id, hashed, at, etag=account.etag)
    except Exception as error:
        telemetry.log("auth.rehash_failed", level="warning", error=type(error).__name__)


def _sign_in(account: AccountDocument) -> Tokens:
    return _tokens(account, sessions.start(account.id, account.token_version))


def _tokens(account: AccountDocument, refresh_token: str) -> Tokens:
    access_token, expires_in = tokens.issue(account.id, account.role, account.token_version)
    return Tokens(
        access_token=access_token,
        expires_in=expires_in,
        refresh_token=refresh_token,
        refresh_expires_in=sessions.lifetime_s(),
    )


def _quota(account: AccountDocument) -> Quota:
    used, limit = quota.get_usage(account.id)
    return Quota(used=used, limit=limit)
