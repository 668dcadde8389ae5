"""Azure Communication Services: the client, the outcome of an operation, and errors of Azure's SDKs as ours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from shared.errors import ConfigurationError, ProviderAway, StudioError, UpstreamError
from shared.notifications import email_errors, webpubsub_errors
from shared.notifications.settings import notification_settings
from shared.provider_errors import seconds_asked

if TYPE_CHECKING:
    from azure.communication.email import EmailClient

API_VERSION: Final = "2025-09-01"


class OutcomeUnknown(UpstreamError):
    """The provider received the request and did not answer: the message may be on its way."""

    code = "outcome_unknown"


@cache
def email_client() -> EmailClient | None:
    """The e-mail client of this process; None when no connection is configured."""
    from azure.communication.email import EmailClient
    from azure.core.credentials import AzureKeyCredential

    conf = notification_settings()
    if conf.email_connection is None:
        return None
    parts = dict(part.split("=", 1) for part in conf.email_connection.get_secret_value().split(";") if "=" in part)
    if not {"endpoint", "accesskey"} <= set(parts):
        raise ConfigurationError("EMAIL_CONNECTION has no endpoint or accesskey", code="email_connection")
    # from_connection_string of the SDK forces https, which a local endpoint does not speak.
    return EmailClient(
        parts["endpoint"],
        AzureKeyCredential(parts["accesskey"]),
        retry_total=0,
        # A redirect would take the message to another host.
        permit_redirects=False,
        connection_timeout=5,
        read_timeout=10,
    )


class _Error(BaseModel):
    code: str | None = None
    innererror: _Error | None = None


class _Body(BaseModel):
    """What the service answers, as far as it is read."""

    status: str = ""
    error: _Error | None = None


@dataclass(frozen=True)
class EmailOperation:
    """What became of an accepted e-mail.

    Args:
        status: `NotStarted`, `Running`, `Succeeded`, `Failed` or `Canceled`; `Unknown` if the service has forgotten it.
        code: why it failed.
    """

    status: str
    code: str | None = None


def get_operation(operation_id: str) -> EmailOperation:
    """The outcome of an e-mail that was accepted: `GET /emails/operations/{id}`.

    Raises:
        StudioError: as for sending.
        ConfigurationError: there is no connection.
    """
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpRequest

    client = email_client()
    if client is None:
        raise ConfigurationError("set EMAIL_CONNECTION to send e-mails", code="email_unconfigured")
    request = HttpRequest("GET", f"/emails/operations/{operation_id}", params={"api-version": API_VERSION})
    try:
        response = client.send_request(request)
        if response.status_code == 404:
            return EmailOperation("Unknown")
        if response.status_code >= 400:
            raise HttpResponseError(response=response)
        body = _read(response.json())
    except Exception as error:
        raise azure_error(error, email_errors.PROVIDER) from error
    return EmailOperation(body.status, _code(body))


def _code(body: _Body) -> str | None:
    """The innermost code of an error: the outer ones are often generic."""
    code, error = None, body.error
    while error is not None:
        code, error = error.code or code, error.innererror
    return code


def _read(data: object) -> _Body:
    try:
        return _Body.model_validate(data)
    except ValidationError:
        return _Body()


def azure_error(error: Exception, provider: str) -> StudioError:
    """What an exception of an Azure SDK means, by the table of the provider; `Retry-After` is passed on."""
    from azure.core.exceptions import HttpResponseError, ServiceRequestError

    if isinstance(error, StudioError):
        return error
    name = "email" if provider == email_errors.PROVIDER else "websocket"
    if isinstance(error, HttpResponseError) and error.status_code:
        if provider == email_errors.PROVIDER:
            row = email_errors.of_response(error.status_code, _response_code(error))
        else:
            row = webpubsub_errors.of_response(error.status_code)
        return row.to_error(provider, seconds_asked(getattr(error.response, "headers", {}).get("Retry-After")))
    if isinstance(error, ServiceRequestError):
        return ProviderAway(f"the {name} service can't be reached", code=f"{name}_unreachable")
    return OutcomeUnknown(f"the {name} service did not answer", code=f"{name}_unknown")


def _response_code(error: Any) -> str | None:
    try:
        return _code(_read(error.response.json()))
    except Exception:
        return getattr(error.error, "code", None)
