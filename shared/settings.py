"""Settings: a class for each package, read from the environment once on first use (never at import).

In Azure they are app settings; on one machine `local.settings.json` holds them. Only endpoints, keys and limits
differ between the two: no code asks where it runs.
"""

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from shared.errors import ConfigurationError
from shared.settings_checks import Kind, value_faults

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Seconds = Annotated[float, Field(ge=0)]


class _Mark:
    """Marks a setting for the checks outside development."""


_TLS, _OWN = _Mark(), _Mark()
TlsUrl = Annotated[str, _TLS]
"""A URL that must be https outside development; also inside a union or a tuple."""
OwnSecret = Annotated[SecretStr, _OWN]
"""A secret that the operator makes, and so can make strong; also inside a union or a dictionary."""


def _marked(field: "FieldInfo", mark: _Mark) -> bool:
    return mark in field.metadata or _holds(field.annotation, mark)


def _holds(annotation: Any, mark: _Mark) -> bool:
    inner = (*getattr(annotation, "__metadata__", ()), *get_args(annotation))
    return mark in inner or any(_holds(part, mark) for part in get_args(annotation))


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


def _kind(field: "FieldInfo") -> Kind:
    if _marked(field, _OWN):
        return "own_secret"
    if _is_secret(field.annotation):
        return "secret"
    return "url" if _marked(field, _TLS) else "text"


def _texts(value: Any) -> Iterator[str]:
    """The texts of a setting; of secrets, none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for part in cast("list[Any]", value):
            yield from _texts(part)
    elif isinstance(value, dict):
        for part in cast("dict[str, Any]", value).values():
            yield from _texts(part)


def _decoded(variable: str, field: "FieldInfo", text: str) -> Any:
    """What a variable says: JSON for a tuple or a mapping, unless the field has a validator that reads the text."""
    own = any(isinstance(part, BeforeValidator) for part in field.metadata)
    if own or get_origin(field.annotation) not in (dict, tuple):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigurationError(f"settings are not usable: {variable}: JSON is expected") from None


class SettingsGroup(BaseModel):
    """The settings of one package: a subclass in its `settings.py`, read with `load`.

    Names of environment variables are the field names in upper case, or the alias where one is given; their case does
    not matter, and an empty one counts as none. Every field has a description with its unit and reason;
    `docs/configuration.md` lists them all.
    """

    model_config = ConfigDict(frozen=True, validate_default=True, defer_build=True)

    environment: Literal["development", "production"] = Field(
        default="production", description="`development` allows the example's secrets and plain HTTP to emulators"
    )

    @model_validator(mode="after")
    def refuse_unsafe(self) -> Self:
        """Refuse what can't work, and outside development what is unsafe; every fault in one message."""
        faults = list(self.faults())
        if self.environment == "production":
            faults += self.production_faults()
            faults += self._unsafe_values()
        if faults:
            raise ValueError("; ".join(dict.fromkeys(faults)))
        return self

    def faults(self) -> Iterator[str]:
        """What can't work with these settings, in any environment. A group adds its own."""
        yield from ()

    def production_faults(self) -> Iterator[str]:
        """What is unsafe outside development, besides values. A group adds its own."""
        yield from ()

    def _unsafe_values(self) -> Iterator[str]:
        """Secrets that can be known, and connections without TLS."""
        kinds = self.kinds()
        for name, secret in self.secrets().items():
            for fault in value_faults(kinds[name.partition("[")[0]], secret.get_secret_value()):
                yield f"{name} {fault}"
        for name in type(self).model_fields:
            variable = self.variable(name)
            for text in _texts(getattr(self, name)):
                for fault in value_faults(kinds[variable], text):
                    yield f"{variable} {fault}"

    @classmethod
    def kinds(cls) -> dict[str, Kind]:
        """What the value of each variable is checked as outside development."""
        return {cls.variable(name): _kind(field) for name, field in cls.model_fields.items()}

    def secrets(self) -> dict[str, SecretStr]:
        """All secrets of the group by the name of their setting."""
        values = {self.variable(name): getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if isinstance(value, SecretStr)}

    @classmethod
    def read(cls) -> Self:
        """The group as the environment has it now. Raises ValidationError, or ConfigurationError for malformed JSON."""
        environment = {name.upper(): text for name, text in os.environ.items() if text}
        values: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            variable = cls.variable(name)
            if (text := environment.get(variable.upper())) is not None:
                values[variable if field.validation_alias else name] = _decoded(variable, field, text)
        return cls.model_validate(values)

    @classmethod
    def variable(cls, name: str) -> str:
        """The environment variable of a field."""
        alias = cls.model_fields[name].validation_alias
        return alias if isinstance(alias, str) else name.upper()


_loaded: dict[type[SettingsGroup], SettingsGroup] = {}


def load[T: SettingsGroup](group: type[T]) -> T:
    """The settings of a group, read from the environment on first use.

    Raises:
        ConfigurationError: a setting is missing, malformed or unsafe; names it and the remedy.
    """
    known = _loaded.get(group)
    if known is None:
        try:
            known = _loaded[group] = group.read()
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in problem['loc']) or 'settings'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            raise ConfigurationError(f"settings are not usable: {problems}") from None
    return cast("T", known)


def forget() -> None:
    """Read every group again on its next use."""
    _loaded.clear()


class Settings(SettingsGroup):
    """Blob Storage and the document store, which every package uses."""

    storage: SecretStr | None = Field(
        default=None, validation_alias="Storage", description="connection string of the storage account"
    )
    storage_blob_uri: TlsUrl | None = Field(
        default=None, validation_alias="Storage__blobServiceUri",
        description="URL of the blob service, for a managed identity",
    )  # fmt: skip
    storage_client_id: str | None = Field(
        default=None, validation_alias="Storage__clientId", description="client id of the managed identity"
    )
    cdn_base_url: TlsUrl | None = Field(default=None, description="origin that serves blobs instead of Blob Storage")
    read_url_minutes: int = Field(
        default=45, ge=1, le=60, description="minutes for which a signed read URL is valid at least; up to 15 more"
    )
    upload_url_minutes: int = Field(
        default=10, ge=1, le=60, description="minutes for which a signed upload URL is valid"
    )
    documents: str = Field(default="cosmos", description="`cosmos`, or `sqlite:PATH` on one machine")
    cosmos_endpoint: TlsUrl | None = Field(default=None, description="endpoint of the Cosmos DB account")
    cosmos_key: SecretStr | None = Field(
        default=None, description="key of the account; the managed identity without it"
    )
    cosmos_database: str = Field(default="studio", description="name of the database")
    cosmos_create: bool = Field(default=False, description="create the database and its containers if missing")
    cosmos_verify_tls: bool = Field(default=True, description="verify the certificate; false for an emulator only")

    def faults(self) -> Iterator[str]:
        """Storage is named one way or the other."""
        if self.storage is None and self.storage_blob_uri is None:
            yield "set Storage, or Storage__blobServiceUri"

    def production_faults(self) -> Iterator[str]:
        """What belongs on one machine stays there."""
        if not self.cosmos_verify_tls:
            yield "COSMOS_VERIFY_TLS must be true outside development"
        if self.documents != "cosmos":
            yield "DOCUMENTS must be `cosmos` outside development"


def settings() -> Settings:
    """The settings of this process. Raises as `load` does."""
    return load(Settings)
