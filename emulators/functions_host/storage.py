"""Storage accounts by the name of their connection setting, with the clients made once per account.

A setting NAME (or AzureWebJobsNAME, or ConnectionStrings__NAME) holds a connection string; otherwise
NAME__queueServiceUri, NAME__blobServiceUri, NAME__serviceUri or NAME__accountName names the service and an identity
signs in; AzureWebJobsNAME__... counts as well.
"""

from __future__ import annotations

import os
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from .settings import SettingsError

_EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)
# Listeners poll again anyway, so a call gives up early instead of the SDK's default of about a minute.
_RETRIES: dict[str, Any] = {
    "retry_total": 2,
    "initial_backoff": 0.5,
    "increment_base": 1,
    "random_jitter_range": 0.3,
}

StorageError = AzureError


def endpoint(connection: str, service: str) -> tuple[str, str]:
    """Return ("string", connection string) or ("uri", service URI) of service `blob` or `queue`.

    Raises `SettingsError` with the names that were looked for.
    """
    prefixes = (f"AzureWebJobs{connection}", connection)
    for name in (*prefixes, f"ConnectionStrings__{connection}"):
        value = os.environ.get(name)
        if value:
            emulator = value.strip().rstrip(";").lower() == "usedevelopmentstorage=true"
            return "string", _EMULATOR if emulator else value
    for prefix in prefixes:
        for suffix in (f"{service}ServiceUri", "serviceUri"):
            if value := os.environ.get(f"{prefix}__{suffix}"):
                return "uri", value
        if account := os.environ.get(f"{prefix}__accountName"):
            return "uri", f"https://{account}.{service}.core.windows.net"
    raise SettingsError(
        f"connection '{connection}' is not configured: set {connection} (a connection string) "
        f"or {connection}__{service}ServiceUri"
    )


class Storage:
    """The accounts this host process talks to."""

    def __init__(self) -> None:
        self._services: dict[tuple[str, str], Any] = {}
        self._credentials: dict[str, Any] = {}

    def queue(self, connection: str, name: str) -> QueueClient:
        """The queue `name` of an account; text is sent and received as it is."""
        return self._service(connection, "queue", QueueServiceClient).get_queue_client(name)

    def container(self, connection: str, name: str) -> ContainerClient:
        """The blob container `name` of an account."""
        return self._service(connection, "blob", BlobServiceClient).get_container_client(name)

    def _service(self, connection: str, service: str, kind: Any) -> Any:
        key = (connection, service)
        if key not in self._services:
            how, value = endpoint(connection, service)
            if how == "string":
                # No proxy leads to an emulator; aiohttp would look for one, and for a netrc file, with every request.
                is_emulated = "defaultendpointsprotocol=http;" in value.lower()
                self._services[key] = kind.from_connection_string(value, use_env_settings=not is_emulated, **_RETRIES)
            else:
                self._services[key] = kind(value, credential=self._credential(connection), **_RETRIES)
        return self._services[key]

    def _credential(self, connection: str) -> Any:
        if connection not in self._credentials:
            from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

            client = _setting(connection, "clientId")
            managed = (_setting(connection, "credential") or "").lower() == "managedidentity"
            if managed:
                self._credentials[connection] = ManagedIdentityCredential(client_id=client)
            else:
                self._credentials[connection] = DefaultAzureCredential(managed_identity_client_id=client)
        return self._credentials[connection]

    async def close(self) -> None:
        """Close all connections."""
        for client in (*self._services.values(), *self._credentials.values()):
            await client.close()


def _setting(connection: str, name: str) -> str | None:
    return os.environ.get(f"AzureWebJobs{connection}__{name}") or os.environ.get(f"{connection}__{name}")


async def create_if_missing(client: QueueClient | ContainerClient) -> None:
    """Create a queue or container unless it is there."""
    try:
        if isinstance(client, QueueClient):
            await client.create_queue()
        else:
            await client.create_container()
    except ResourceExistsError:
        pass
