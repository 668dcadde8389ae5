"""E-mail addresses: the one form in which they are compared, and the hash that stands for them."""

from __future__ import annotations

import hashlib

from shared.errors import Unprocessable
from shared.text import mixes_scripts


def normalise(email: str) -> str:
    """An e-mail address with Unicode and domain normalised, in lower case.

    Raises:
        Unprocessable: `invalid_email`.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        address = validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise _invalid(str(error)) from None
    if any(mixes_scripts(part) for part in address.replace("@", ".").split(".")):
        raise _invalid("it mixes letters that look alike")
    return address


def _invalid(why: str) -> Unprocessable:
    return Unprocessable(f"not an e-mail address: {why}", code="invalid_email", field="email")


def hash_of(email: str) -> str:
    """SHA-256 of a normalised address, in hex."""
    return hashlib.sha256(email.encode()).hexdigest()
