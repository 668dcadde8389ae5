"""The container that vendors drop files into, on a running stack."""

from __future__ import annotations

from azure.storage.blob import BlobServiceClient, ContainerClient
from quick import eventually

from emulators.stack import Stack
from shared import blobs


def uploads(stack: Stack) -> ContainerClient:
    """The container, once the stack has made it."""
    container = BlobServiceClient.from_connection_string(stack.storage).get_container_client(blobs.VENDOR_UPLOADS)
    eventually(container.exists, "the container")
    return container
