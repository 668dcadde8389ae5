"""Identity: register, sign in, refresh, sign out, and one's own profile."""

from __future__ import annotations

from functions.auth import accounts, passwords, sessions, throttle
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
from shared.commerce import credits, quota
from shared.documents import Document, store
from shared.errors import Forbidden, TooManyRequests, Unauthorized
from shared.http import auth
from shared.http.auth import Principal, Role

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
    email = accounts.normalise(asked.email)
    passwords.check(asked.password, email)
    if accounts.by_email(accounts.email_hash(email)) is not None:
        raise accounts.taken()
    account = accounts.create(
        new_id,
        email,
        passwords.hash(asked.password),
        asked.role,
        display_name=asked.display_name,
        phone=asked.phone,
    )
    audit.record(account["id"], "REGISTERED", ip=ip, role=asked.role)
    return Registered(user=_user(account), tokens=_sign_in(account))


def login(asked: LoginRequest, ip: str) -> SignedIn:
    """Sign in by e-mail and password.

    Raises:
        Unauthorized: `login_failed`, whatever the cause; known and unknown addresses cost the same work.
        TooManyRequests: `login_throttled`.
    """
    digest = accounts.email_hash(accounts.normalise(asked.email))
    account = accounts.by_email(digest)
    known = account["id"] if account else f"{ANONYMOUS}:{clock.iso()[:7]}"
    try:
        throttle.reserve(digest, clock.now())
    except TooManyRequests:
        audit.record(known, "LOGIN_FAILED", ip=ip, emailHash=digest, cause="throttled")
        raise
    right = passwords.matches(asked.password, account["passwordHash"] if account else None)
    if account is None or not right or account["disabled"]:
        cause = "unknown" if account is None else "disabled" if right else "password"
        audit.record(known, "LOGIN_FAILED", ip=ip, emailHash=digest, cause=cause)
        raise Unauthorized("e-mail address or password is wrong", code="login_failed")
    throttle.clear(digest)
    _rehash(account, asked.password)
    audit.record(known, "LOGIN", ip=ip)
    return SignedIn(**_sign_in(account).model_dump(), user=_user(account))


def refresh(asked: RefreshRequest, ip: str) -> Tokens:
    """Exchange a refresh token for a new pair.

    Raises:
        Unauthorized: `refresh_invalid`; one used before revokes its whole family.
        Conflict: `refresh_superseded`: another request has just used it.
    """
    at = clock.now()
    session = sessions.present(asked.refresh_token, ip, at)
    account = store().find(accounts.CONTAINER, session["userId"], session["userId"])
    if account is None or account["disabled"] or account["tokenVersion"] != session["tokenVersion"]:
        raise sessions.refused()
    return _tokens(account, sessions.rotate(session, at))


def logout(caller: Principal, asked: LogoutRequest, ip: str) -> None:
    """End the access token used, and as asked a session or all of them."""

    def deny(account: Document) -> None:
        now = clock.now()
        live = [entry for entry in account["revoked"] if entry["exp"] + auth.LEEWAY_S > now]
        account["revoked"] = [*live, {"jti": caller.token_id, "exp": caller.expires}]
        if asked.everywhere or len(account["revoked"]) > REVOKED_MAX:
            account["tokenVersion"] += 1
            account["revoked"] = []

    if asked.refresh_token is not None:
        sessions.end(asked.refresh_token, caller.user_id)
    accounts.change(caller.user_id, deny)
    audit.record(caller.user_id, "LOGOUT", ip=ip, everywhere=asked.everywhere)


def me(caller: Principal) -> Profile:
    """One's own account."""
    account = store().read(accounts.CONTAINER, caller.user_id, caller.user_id)
    return Profile(**_profile(account).model_dump())


def change(caller: Principal, asked: ProfileChange, ip: str) -> ChangedProfile:
    """Change one's own account; a new password ends every session and begins one.

    Raises:
        Forbidden: `wrong_password`: the current one is another.
        Conflict: `account_busy`: it was changed meanwhile; retryable.
        TooManyRequests: `login_throttled`.
        Unprocessable: `weak_password`.
    """
    given = {"displayName": "display_name", "phone": "phone", "language": "language"}
    fields = {name: getattr(asked, own) for name, own in given.items() if own in asked.model_fields_set}
    proven, new_hash = _new_password(caller, asked.password, ip) if asked.password else (None, None)

    def alter(account: Document) -> None:
        account.update(fields)
        if proven is not None:
            if account["passwordHash"] != proven:
                raise accounts.busy()
            account.update(passwordHash=new_hash, tokenVersion=account["tokenVersion"] + 1, revoked=[])

    account = accounts.change(caller.user_id, alter)
    tokens = None
    if proven is not None:
        audit.record(caller.user_id, "PASSWORD_CHANGED", ip=ip)
        tokens = _sign_in(account)
    return ChangedProfile(**_profile(account).model_dump(), tokens=tokens)


def ensure_admin(email: str, password: str) -> str:
    """Make sure that an administrator with this address and password exists; returns the id.

    The only way to the role: no request can ask for it. `./studio admin create` calls it with the deployment's
    settings. An account that already had the address is promoted, gets this password, and loses every session, since
    whoever registered it need not be who it is meant for. Repeated with the same password it changes nothing.

    Raises:
        Unprocessable: `invalid_email`, `weak_password`.
    """
    email = accounts.normalise(email)
    passwords.check(password, email)
    account = accounts.by_email(accounts.email_hash(email))
    if account is None:
        account = accounts.create(clock.new_id(), email, passwords.hash(password), Role.ADMIN)
    elif (
        account["role"] == Role.ADMIN
        and not account["disabled"]
        and passwords.matches(password, account["passwordHash"])
    ):
        return account["id"]
    else:
        hashed = passwords.hash(password)

        def promote(found: Document) -> None:
            found.update(role=Role.ADMIN.value, passwordHash=hashed, disabled=False)
            found.update(tokenVersion=found["tokenVersion"] + 1, revoked=[])

        account = accounts.change(account["id"], promote)
    audit.record(account["id"], "ADMIN_ENSURED")
    return account["id"]


def _new_password(caller: Principal, asked: PasswordChange, ip: str) -> tuple[str, str]:
    """The stored hash that the current password was proven against, and the hash of the new one."""
    account = store().read(accounts.CONTAINER, caller.user_id, caller.user_id)
    passwords.check(asked.new, account["email"], field="password.new")
    throttle.reserve(account["emailHash"], clock.now())
    if not passwords.matches(asked.current, account["passwordHash"]):
        audit.record(caller.user_id, "PASSWORD_CHANGE_FAILED", ip=ip)
        raise Forbidden("the current password is another", code="wrong_password", field="password.current")
    throttle.clear(account["emailHash"])
    return account["passwordHash"], passwords.hash(asked.new)


def _rehash(account: Document, password: str) -> None:
    """Replace a hash of an older kind; a login never fails over it."""
    if not passwords.outdated(account["passwordHash"]):
        return
    try:
        fields = {"passwordHash": passwords.hash(password), "updatedAt": clock.iso()}
        store().patch(accounts.CONTAINER, account["id"], account["id"], set=fields, etag=account.etag)
    except Exception as error:
        telemetry.log("auth.rehash_failed", level="warning", error=type(error).__name__)


def _sign_in(account: Document) -> Tokens:
    return _tokens(account, sessions.start(account["id"], account["tokenVersion"]))


def _tokens(account: Document, refresh_token: str) -> Tokens:
    access_token, expires_in = auth.issue(account["id"], account["role"], account["tokenVersion"])
    return Tokens(
        access_token=access_token,
        expires_in=expires_in,
        refresh_token=refresh_token,
        refresh_expires_in=sessions.lifetime_s(),
    )


def _user(account: Document) -> User:
    return User(
        id=account["id"],
        email=account["email"],
        display_name=account["displayName"],
        phone=account["phone"],
        language=account["language"],
        role=Role(account["role"]),
        shop=auth.shop_of(account),
        created_at=account["createdAt"],
    )


def _profile(account: Document) -> Profile:
    used, limit = quota.get_usage(account["id"])
    return Profile(
        **_user(account).model_dump(),
        quota=Quota(used=used, limit=limit),
        credits=credits.get_balance(account["id"]),
    )
