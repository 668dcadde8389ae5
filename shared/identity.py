"""Who this process is to Azure's services: its managed identity, elsewhere a developer's login."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@cache
def azure_credential(client_id: str | None = None) -> TokenCredential:
    """The credential of an identity, one a process: its tokens are kept in it.

    In Azure nothing but the managed identity is asked: a chain of credentials would go on to other identities if it
    is late for once. Functions and Container Apps set `IDENTITY_ENDPOINT`.

    Args:
        client_id: of a user-assigned identity; None is the one in `AZURE_CLIENT_ID`, or that of the system.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if "IDENTITY_ENDPOINT" in os.environ:
        return ManagedIdentityCredential(client_id=client_id or os.getenv("AZURE_CLIENT_ID"))
    return DefaultAzureCredential(managed_identity_client_id=client_id)
