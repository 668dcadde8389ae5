"""What Cosmos DB answers, as errors of the port."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, ServiceRequestError
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from shared.documents.cosmos_client import retry_after
from shared.documents.values import DocumentTooLarge, InvalidOperation
from shared.errors import (
    BatchFailed,
    ConfigurationError,
    DocumentConflict,
    DocumentNotFound,
    PreconditionFailed,
    StoreError,
    StudioError,
    Unavailable,
)

_BUSY = frozenset({410, 429, 449, 503})
_UNCLEAR = frozenset({408, 500, 502, 504})


class AnswerLost(Unavailable):
    """A request was sent and no usable response came: whether a write was done is unknown."""


@contextmanager
def port_errors() -> Generator[None]:
    """Turn the SDK's errors into those of the port (`shared.errors`)."""
    try:
        yield
    except CosmosBatchOperationError as error:
        cause = _translate(int(error.status_code or 0), None, str(error.http_error_message), None)
        if not isinstance(cause, StoreError):
            raise cause from error
        raise BatchFailed(int(error.error_index or 0), cause) from error
    except CosmosHttpResponseError as error:
        status, message = int(error.status_code or 0), str(error.http_error_message)
        raise _translate(status, error.sub_status, message, retry_after(error)) from error
    except ServiceRequestError as error:
        raise Unavailable(f"Cosmos DB can't be reached: {type(error).__name__}") from error
    except AzureError as error:
        raise AnswerLost(f"Cosmos DB did not answer: {type(error).__name__}") from error


def _translate(status: int, sub_status: int | None, message: str, wait: float | None) -> StudioError:
    match status:
        case 404 if sub_status == 1003:
            return ConfigurationError("the database or container is missing in Cosmos DB")
        case 404:
            return DocumentNotFound("no such item")
        case 409:
            return DocumentConflict("the id or a unique key is taken")
        case 412:
            return PreconditionFailed("the item has been changed meanwhile, or the condition does not hold")
        case 413:
            return DocumentTooLarge("the item is over the limit of Cosmos DB")
        case 400:
            return InvalidOperation(f"Cosmos DB refuses: {message[:500]}")
        case 401 | 403:
            return ConfigurationError("Cosmos DB refuses the credentials or the address of this machine")
        case _ if status in _BUSY:
            return Unavailable("Cosmos DB is busy", retry_after=wait)
        case _ if status in _UNCLEAR:
            return AnswerLost(f"Cosmos DB answered {status}", retry_after=wait)
        case _:
            return StoreError(f"Cosmos DB answered {status}")
