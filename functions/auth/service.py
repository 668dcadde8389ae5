"""Identity: register, sign in, refresh, sign out, and changes of the caller's account."""

from __future__ import annotations

import secrets

from functions.auth import (
    contact,
    devices,
    ending,
    links,
    outliving,
    own,
    passwords,
    profile,
    second_factor,
    session_list,
    sessions,
    throttle,
)
from functions.auth.contact_models import Accepted, EmailChange
from functions.auth.documents import LinkPurpose
from functions.auth.models import (
    LoginRequest,
    LogoutRequest,
    RefreshRequest,
    Registered,
    RegisterRequest,
    SignedIn,
)
from functions.auth.profile_change_models import ChangedProfile, PasswordChange, ProfileChange
from functions.auth.profile_models import User
from functions.auth.second_factor_models import RecoveryCodes, SecondFactorRemoval, SecondFactorSecret
from functions.auth.session_models import SessionEnd
from functions.auth.token_models import Tokens
from shared import audit, clock, telemetry
from shared.accounts import email as addresses
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.accounts.settings import account_settings
from shared.documents.fields import Change, assign
from shared.errors import Conflict, Forbidden, TooManyRequests, Unauthorized
from shared.http import tokens
from shared.http.auth import Principal
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage

ANONYMOUS = "anonymous"
"""Under whom the audit log keeps failures that concern no account, with the month: no partition grows for ever."""


def register(new_id: str, asked: RegisterRequest, ip: str, request_id: str | None = None) -> Registered:
    """Make an account and sign in.

    Where addresses are confirmed, this is done whether or not the address has an account, and its owner learns of it
    by e-mail; otherwise an address can be registered once. A seller role is a request.

    Raises:
        Unprocessable: `invalid_email`, `weak_password`.
        Conflict: `email_taken`, where addresses are not confirmed.
    """
    email = addresses.normalise(asked.email)
    passwords.check(asked.password, email)
    email_hash = addresses.hash_of(email)
    role = Role(asked.role)
    requested = None if role is Role.SHOPPER else role
    if account_settings().confirms_email:
        account = lifecycle.create_unconfirmed_account(
            new_id,
            email,
            passwords.hash(asked.password),
            display_name=asked.display_name,
            phone=asked.phone,
            requested_role=requested,
        )
        try:
            contact.send_confirmation(account, email, request_id)
        except TooManyRequests:
            telemetry.log("auth.confirmation_capped", level="warning")
    else:
        if lifecycle.find_account_by_email(email_hash) is not None:
            raise lifecycle.email_taken_error()
        account = lifecycle.create_account(
            new_id,
            email,
            passwords.hash(asked.password),
            Role.SHOPPER,
            display_name=asked.display_name,
            phone=asked.phone,
            requested_role=requested,
        )
    audit.record(account.id, "REGISTERED", ip=ip, role=asked.role)
    return Registered(user=User.of(account), tokens=_sign_in(account, None))


def login(asked: LoginRequest, ip: str) -> SignedIn:
    """Sign in by e-mail and password, and a code if the account has a second factor.

    Raises:
        Unauthorized: `login_failed`, whatever the cause; known and unknown addresses cost the same work.
            `second_factor_required`, `second_factor_wrong`: the password was right.
        TooManyRequests: `login_throttled`, `login_by_email`.
    """
    digest = addresses.hash_of(addresses.normalise(asked.email))
    confirms = account_settings().confirms_email
    account = lifecycle.find_account_by_email(digest)
    # An address can have an account that is confirmed and one that is not, of different people.
    found = [account, lifecycle.find_unconfirmed_account(digest)] if confirms else [account]
    device = devices.identify(asked.device_token, *(each.id for each in found if each))
    known = account.id if account else f"{ANONYMOUS}:{clock.iso()[:7]}"
    try:
        attempt = throttle.count_sign_in(digest, ip, device, by_email=confirms)
    except TooManyRequests:
        audit.record(known, "LOGIN_FAILED", ip=ip, emailHash=digest, cause="throttled")
        raise
    if attempt.last_of_budget and account is not None:
        account_messages.send(AccountMessage.GUESSING, digest, user_id=account.id)
    right = [each for each in found if passwords.matches(asked.password, each.password_hash if each else None)]
    account = next((each for each in right if each is not None and not each.disabled), None)
    if account is None:
        cause = "disabled" if any(right) else "unknown" if not any(found) else "password"
        audit.record(known, "LOGIN_FAILED", ip=ip, emailHash=digest, cause=cause)
        raise Unauthorized("e-mail address or password is wrong", code="login_failed")
    if account.second_factor and (asked.code is None or not second_factor.accepts(account.id, asked.code)):
        cause = "second_factor_required" if asked.code is None else "second_factor_wrong"
        audit.record(account.id, "LOGIN_FAILED", ip=ip, emailHash=digest, cause=cause)
        raise Unauthorized("send the code of your authenticator app, or a recovery code", code=cause, field="code")
    attempt.succeeded()
    _rehash(account, asked.password)
    audit.record(account.id, "LOGIN", ip=ip)
    return SignedIn(**_sign_in(account, device).model_dump(), user=User.of(account))


def refresh(asked: RefreshRequest, ip: str) -> Tokens:
    """Exchange a refresh token for a new pair.

    Raises:
        Unauthorized: `refresh_invalid`; one used before revokes its whole family.
        Conflict: `refresh_superseded`: another request has just used it.
    """
    at = clock.now()
    repeated = sessions.repeat(asked.refresh_token, asked.device_token, at)
    if repeated is None:
        try:
            session = sessions.present(asked.refresh_token, ip, at)
            account = _account_of(session)
            return _tokens(account, sessions.rotate(session, at))
        except Conflict:
            # Another request was faster. Of the same device, which gets the same successor in both?
            repeated = sessions.repeat(asked.refresh_token, asked.device_token, clock.now())
            if repeated is None:
                raise
    session, successor = repeated
    account = _account_of(session)
    audit.record(session.user_id, "REFRESH_REPEATED", subject=session.id, ip=ip)
    return _tokens(account, successor)


def _account_of(session: sessions.SessionDocument) -> AccountDocument:
    """The account of a session, unless its tokens were revoked. Raises Unauthorized."""
    account = accounts.find(session.user_id, session.user_id)
    if account is None or account.disabled or account.token_version != session.token_version:
        raise sessions.refused()
    return account


def logout(caller: Principal, asked: LogoutRequest, ip: str) -> None:
    """End the session of the access token used, and as asked another one, all of them, and what was made in them."""
    lifetime = account_settings().access_token_minutes * 60
    ended = {caller.session or caller.token_id: clock.now() + lifetime if caller.session else caller.expires}
    if caller.session is not None:
        sessions.revoke(caller.session)
    if asked.refresh_token is not None:
        named = sessions.end(asked.refresh_token, caller.user_id)
        ended |= {named: clock.now() + lifetime} if named else {}
    if asked.everywhere:
        account = lifecycle.update_account(caller.user_id, ending.all_tokens)
    else:
        account = lifecycle.update_account(caller.user_id, lambda found: ending.some(found, ended))
    ending.close(account)
    audit.record(caller.user_id, "LOGOUT", ip=ip, everywhere=asked.everywhere)
    if asked.revoke_made_since is not None:
        outliving.end(caller.user_id, ip, since=asked.revoke_made_since)


def end_sessions(caller: Principal, asked: SessionEnd, ip: str) -> None:
    """End some of the caller's sessions, and on request what was made in them, after a check of the password.

    Raises:
        Forbidden: `wrong_password`.
        NotFound: an id is of no open session of the caller.
    """
    account = _prove(caller, asked.password, "password", "SESSION_END_FAILED", ip)
    session_list.end(account, asked.ids)
    audit.record(account.id, "SESSIONS_ENDED", ip=ip, count=len(asked.ids))
    if asked.revoke_made:
        outliving.end(account.id, ip, made_by=asked.ids)


def change(caller: Principal, asked: ProfileChange, ip: str) -> ChangedProfile:
    """Change the caller's account; a new password ends every session and starts one.

    Raises:
        Forbidden: `wrong_password`: the current one is another.
        Conflict: `account_busy`: it was changed meanwhile; retryable.
        TooManyRequests: `login_throttled`.
        Unprocessable: `weak_password`.
    """
    proven, new_hash = _new_password(caller, asked.password, ip) if asked.password else (None, None)

    phones: list[str | None] = []

    def changes(account: AccountDocument) -> list[Change]:
        phones[:] = [account.phone]
        if new_hash is None:
            return _profile_changes(account, asked)
        if account.password_hash != proven:
            raise lifecycle.account_busy_error()
        password = assign(AccountDocument.password_hash, new_hash)
        return [*_profile_changes(account, asked), password, *ending.all_tokens(account)]

    account = own.update_own(caller, changes)
    issued = None
    if proven is not None:
        ending.close(account)
        audit.record(caller.user_id, "PASSWORD_CHANGED", ip=ip)
        account_messages.send(AccountMessage.PASSWORD_CHANGED, account.email_hash, user_id=account.id)
        if asked.password is not None and asked.password.revoke_made_since is not None:
            outliving.end(caller.user_id, ip, since=asked.password.revoke_made_since)
        issued = _sign_in(account, None)
    if account.phone not in phones:
        audit.record(caller.user_id, "PHONE_CHANGED", ip=ip)
        account_messages.send(AccountMessage.PHONE_CHANGED, account.email_hash, user_id=account.id)
    return ChangedProfile(**dict(profile.of(account)), tokens=issued)


def change_email(caller: Principal, asked: EmailChange, ip: str, request_id: str) -> Accepted:
    """Send a link to a new address, after a check of the password.

    Raises:
        Forbidden: `wrong_password`.
        TooManyRequests: `login_throttled`, `too_many_messages`.
        Unprocessable: `invalid_email`.
    """
    account = _prove(caller, asked.password, "password", "EMAIL_CHANGE_FAILED", ip)
    return contact.request_change(account, asked, request_id)


def begin_second_factor(caller: Principal, password: str, ip: str) -> SecondFactorSecret:
    """Make the secret for an authenticator app, after a check of the password.

    Raises:
        Forbidden: `wrong_password`.
        Conflict: `second_factor_on`, `account_busy`.
    """
    return second_factor.begin(_prove(caller, password, "password", "SECOND_FACTOR_FAILED", ip))


def confirm_second_factor(caller: Principal, code: str, ip: str) -> RecoveryCodes:
    """Switch the second factor on. Raises as `second_factor.confirm` does."""
    return second_factor.confirm(caller, code, ip)


def remove_second_factor(caller: Principal, asked: SecondFactorRemoval, ip: str) -> None:
    """Switch the second factor off, after a check of the password and a code.

    Raises:
        Forbidden: `wrong_password`, `second_factor_wrong`.
        Conflict: `account_busy`: it was switched on meanwhile.
        TooManyRequests: `login_throttled`.
    """
    account = _prove(caller, asked.password, "password", "SECOND_FACTOR_FAILED", ip)
    second_factor.remove(caller, account, asked.code, ip)


def ensure_admin(email: str, password: str) -> str:
    """Make sure that an administrator with this address and password exists; returns the id.

    The only way to the role: no request can ask for it. `./studio admin create` calls it with the deployment's
    settings. An account that already had the address is promoted and gets this password. It loses what its previous
    holder could come in by again, as they may not be the intended person: sessions, links in e-mails, second factor,
    phone number, API keys, webhooks and invitations. Repeated with the same password it changes nothing.

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
        account = _promote(account, passwords.hash(password))
    audit.record(account.id, "ADMIN_ENSURED")
    return account.id


def _promote(account: AccountDocument, password_hash: str) -> AccountDocument:
    """Make an account an administrator's. The password comes last: until then a repetition does all of it."""

    def take(found: AccountDocument) -> list[Change]:
        return [
            assign(AccountDocument.password_hash, passwords.hash(secrets.token_urlsafe(32))),
            assign(AccountDocument.second_factor, False),
            assign(AccountDocument.phone, None),
            assign(AccountDocument.phone_confirmed, False),
            *ending.all_tokens(found),
        ]

    ending.close(lifecycle.update_account(account.id, take))
    second_factor.forget(account.id)
    for purpose in LinkPurpose:
        links.void(account.id, purpose)
    outliving.end_all(account.id, ip="")
    given = [
        assign(AccountDocument.role, Role.ADMIN),
        assign(AccountDocument.password_hash, password_hash),
        assign(AccountDocument.disabled, False),
    ]
    return lifecycle.update_account(account.id, lambda _: given)


def _profile_changes(account: AccountDocument, asked: ProfileChange) -> list[Change]:
    changes = {
        "display_name": assign(AccountDocument.display_name, asked.display_name),
        "phone": assign(AccountDocument.phone, asked.phone),
        "language": assign(AccountDocument.language, asked.language),
    }
    made: list[Change] = [change for name, change in changes.items() if name in asked.model_fields_set]
    if "phone" in asked.model_fields_set and asked.phone != account.phone:
        made.append(assign(AccountDocument.phone_confirmed, False))
    return made


def _new_password(caller: Principal, asked: PasswordChange, ip: str) -> tuple[str, str]:
    """The stored hash that the current password was proven against, and the hash of the new one."""
    account = accounts.get(caller.user_id, caller.user_id)
    passwords.check(asked.new, account.email, field="password.new")
    account = _prove(caller, asked.current, "password.current", "PASSWORD_CHANGE_FAILED", ip)
    return account.password_hash, passwords.hash(asked.new)


def _prove(caller: Principal, password: str, field: str, failure: str, ip: str) -> AccountDocument:
    """The caller's account, if this is its password.

    Args:
        field: path of the password in the request.
        failure: action of the audit log when it is another.
    """
    account = accounts.get(caller.user_id, caller.user_id)
    subject = contact.check_password_attempts(caller.user_id)
    if not passwords.matches(password, account.password_hash):
        audit.record(caller.user_id, failure, ip=ip)
        raise Forbidden("the current password is another", code="wrong_password", field=field)
    throttle.clear(subject)
    return account


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


def _sign_in(account: AccountDocument, device: str | None) -> Tokens:
    """Begin a session; `device` is the id of a device that is known already."""
    device_token, id = devices.issue(account.id, device)
    issued = _tokens(account, sessions.start(account.id, account.token_version, id))
    return issued.model_copy(update={"device_token": device_token})


def _tokens(account: AccountDocument, refresh_token: str) -> Tokens:
    session = sessions.id_of(refresh_token)
    access_token, expires_in = tokens.issue(account.id, account.role, account.token_version, session)
    return Tokens(
        access_token=access_token,
        expires_in=expires_in,
        refresh_token=refresh_token,
        refresh_expires_in=sessions.lifetime_s(),
    )
