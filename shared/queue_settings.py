"""Settings of the storage account of the queues."""

from collections.abc import Iterator

from pydantic import Field, SecretStr

from shared.settings import SettingsGroup, TlsUrl, load


class QueueSettings(SettingsGroup):
    """The storage account of the queues."""

    storage: SecretStr | None = Field(
        default=None, validation_alias="Storage", description="connection string of the storage account"
    )
    storage_queue_uri: TlsUrl | None = Field(
        default=None, validation_alias="Storage__queueServiceUri",
        description="URL of the queue service, for a managed identity",
    )  # fmt: skip
    storage_client_id: str | None = Field(
        default=None, validation_alias="Storage__clientId", description="client id of the managed identity"
    )
    host_storage: SecretStr | None = Field(
        default=None, validation_alias="AzureWebJobsStorage",
        description="connection string of the Functions host's own storage, if it has one",
    )  # fmt: skip

    def faults(self) -> Iterator[str]:
        """The account is named one way or the other."""
        if self.storage is None and self.storage_queue_uri is None:
            yield "set Storage, or Storage__queueServiceUri"


def queue_settings() -> QueueSettings:
    """The settings of the queues. Raises as `load` does."""
    return load(QueueSettings)
