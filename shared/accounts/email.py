"""E-mail addresses: the one form in which they are compared, and the hash that stands for them."""

from __future__ import annotations

import hashlib

from shared.errors import Unprocessable


def normalise(email: str) -> str:
    """An e-mail address with Unicode and domain normalised, in lower case.

    Raises:
        Unprocessable: `invalid_email`.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Unprocessable(f"not an e-mail address: {error}", code="invalid_email", field="email") from None


def hash_of(email: str) -> str:
    """SHA-256 of a normalised address, in hex."""
    return hashlib.sha256(email.encode()).hexdigest()
