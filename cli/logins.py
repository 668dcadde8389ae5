"""Accounts to sign in with on one machine, one of each role.

`python -m cli.logins` creates those that are missing in the store that the settings name. Only `./studio run` does so.
"""

from __future__ import annotations

import sys
from typing import Final

from shared import clock
from shared.accounts.roles import Role

PASSWORD: Final = "local-development"  # noqa: S105, of accounts that exist on a developer's machine only
ADDRESSES: Final = {f"{role}@example.com": role for role in Role}


def create() -> None:
    """Create the accounts that are missing."""
    from functions.auth import passwords
    from shared.accounts import email, lifecycle

    for address, role in ADDRESSES.items():
        if lifecycle.find_account_by_email(email.hash_of(address)) is None:
            name = role.value.title()
            lifecycle.create_account(clock.new_id(), address, passwords.hash(PASSWORD), role, display_name=name)


def main() -> int:
    """Create them; refuses to in production, where anyone would know the password."""
    from shared.settings import settings

    if settings().environment != "development":
        print("studio: these accounts are for ENVIRONMENT=development", file=sys.stderr)
        return 1
    create()
    return 0


if __name__ == "__main__":
    sys.exit(main())
