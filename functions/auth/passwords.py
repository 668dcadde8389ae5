"""Passwords: argon2id as OWASP sizes it (19 MiB, t=2, p=1); bcrypt hashes are verified, and replaced on login.

Hashing is slow on purpose, so a process runs at most one hash per core at a time, by turns for each account or network.
A few more wait, each with a thread; a flood of logins is turned away at once and leaves threads for everything else.
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import telemetry, turns
from shared.accounts.settings import account_settings
from shared.errors import Unavailable, Unprocessable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_CHARACTERS: Final = 10
MAX_BYTES: Final = 1024
BCRYPT_MAX_BYTES: Final = 72
"""bcrypt reads no further; a longer password never matches, instead of matching by its beginning."""

COMMON: Final = Path(__file__).parent / "common_passwords.txt.gz"
"""The 49,000 commonest passwords, in lower case (see NOTICE); read on first use."""
CONTEXT: Final = (
    "aifashionstudio",
    "ai fashion studio",
    "fashionstudio",
    "fashion studio",
    "virtualtryon",
    "tryonstudio",
)
"""Words of this product, which are guessed first (OWASP ASVS 5.0, 6.1.2)."""
_DECORATED: Final = re.compile(r"[^a-z]{0,4}(.*?)[^a-z]{0,4}", re.DOTALL)

WAIT_S: Final = 10
WAITING: Final = 10
"""Passwords that wait for a core, of a process's 32 threads; with those that wait for something else (`shares.WAITS`)
they leave some for other work."""
_BCRYPT: Final = ("$2a$", "$2b$", "$2y$")
_ABSENT: Final = "$argon2id$v=19$m={},t=2,p=1$x3MQD488E9r8ikW82jPYpw$Hd3k3xkvMohxkwMLfTNq480+kQyKr/kDRlcIiW6lLsU"
"""A hash that no password has, of the memory to be filled in: what is verified where there is no account."""

_cores = turns.Places(turns.cpus())
_rooms = turns.Places(turns.cpus() + WAITING)


def check(password: str, email: str, *, field: str = "password") -> None:
    """Whether a password may be chosen: 10 characters to 1,024 bytes, not the e-mail address, no common one.

    Args:
        field: path of the password in the request.

    Raises:
        Unprocessable: `weak_password`, with the rule it breaks.
    """
    if len(password) < MIN_CHARACTERS:
        raise _weak(f"choose a password of {MIN_CHARACTERS} characters or more", field)
    if len(password.encode()) > MAX_BYTES:
        raise _weak(f"choose a password of at most {MAX_BYTES} bytes", field)
    if password.casefold() == email.casefold():
        raise _weak("choose a password other than your e-mail address", field)
    if is_common(password):
        raise _weak("choose another password: this one, or its main part, is among the most common", field)


def is_common(password: str) -> bool:
    """Whether a password is among the commonest, in any case, or is one that was written twice or lengthened by up to
    four digits or signs at either end."""
    text = password.casefold()
    decorated = _DECORATED.fullmatch(text)
    core = decorated[1] if decorated else text
    half = text[: len(text) // 2]
    known = _common()
    return text in known or (core != text and core in known) or (half * 2 == text and half in known)


@cache
def _common() -> frozenset[str]:
    return frozenset(gzip.decompress(COMMON.read_bytes()).decode().splitlines()) | set(CONTEXT)


def hash(password: str) -> str:
    """Hash a password with argon2id.

    Raises:
        Unavailable: too many hashes are being computed.
    """
    with _slot("hash"):
        return _hasher().hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether a password is the one behind a stored hash, argon2id or bcrypt.

    Args:
        stored: None where there is no account: the same work is done, and nothing matches.

    Raises:
        Unavailable: too many hashes are being computed.
    """
    import argon2

    with _slot("verify"):
        if stored is not None and stored.startswith(_BCRYPT):
            secret = password.encode()
            if len(secret) <= BCRYPT_MAX_BYTES:
                return _bcrypt_matches(secret, stored)
            stored = None
        try:
            absent = _ABSENT.format(account_settings().password_memory_kib)
            return _hasher().verify(stored or absent, password) and stored is not None
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def outdated(stored: str) -> bool:
    """Whether a hash should be replaced when its password is at hand: bcrypt, or other parameters than ours."""
    return not stored.startswith("$argon2id$") or _hasher().check_needs_rehash(stored)


def _bcrypt_matches(secret: bytes, stored: str) -> bool:
    import bcrypt

    try:
        return bcrypt.checkpw(secret, stored.encode())
    except ValueError:
        return False


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=account_settings().password_memory_kib, parallelism=1)


@contextmanager
def _slot(kind: str) -> Generator[None]:
    if not _rooms.take():
        raise _busy()
    try:
        if not _cores.take(WAIT_S):
            raise _busy()
        started = time.perf_counter()
        try:
            yield
        finally:
            _cores.give_back()
            telemetry.observe("studio_password_seconds", time.perf_counter() - started, kind=kind)
    finally:
        _rooms.give_back()


def _busy() -> Unavailable:
    return Unavailable("too many are signing in: try again", code="busy", retry_after=2)


def _weak(message: str, field: str) -> Unprocessable:
    return Unprocessable(message, code="weak_password", field=field)
