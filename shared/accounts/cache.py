"""Accounts as authentication reads them: from a cache of this process."""

from __future__ import annotations

import threading
from typing import Final

from shared import clock
from shared.accounts.documents import AccountDocument, accounts
from shared.accounts.settings import account_settings

MAX_ACCOUNTS: Final = 10_000


class AccountCache:
    """Accounts by id, each read from the store at most once in `ACCOUNT_CACHE_S` seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[float, AccountDocument]] = {}
        self._invalidations = 0

    def find(self, user_id: str) -> AccountDocument | None:
        """The account, as it was at most `ACCOUNT_CACHE_S` seconds ago."""
        now = clock.now()
        with self._lock:
            entry = self._entries.get(user_id)
            invalidations = self._invalidations
        if entry is not None and entry[0] > now:
            return entry[1]
        account = accounts.find(user_id, user_id)
        with self._lock:
            if len(self._entries) > MAX_ACCOUNTS:
                self._entries.clear()
            # What was read before a change must not be kept after it. A missing account is not kept either: another
            # process may have just created it.
            if invalidations == self._invalidations and account is not None:
                self._entries[user_id] = (now + account_settings().account_cache_s, account)
        return account

    def invalidate(self, user_id: str) -> None:
        """Read the account from the store next time, because it was changed in this process."""
        with self._lock:
            self._entries.pop(user_id, None)
            self._invalidations += 1

    def clear(self) -> None:
        """Forget all accounts."""
        with self._lock:
            self._entries.clear()
            self._invalidations += 1


account_cache: Final = AccountCache()
"""The cache of this process."""
