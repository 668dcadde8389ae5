"""Whether the app and the container accept the settings that `infra/` gives them, as in production.

Values that are known only in a deployment are replaced by samples; every settings group is then loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from cli.infra.findings import Finding
from cli.infra.syntax import Expression, Interpolation, text

_SECRET: Final = base64.b64encode(hashlib.sha512(b"a sample").digest()).decode()
_URL: Final = "https://shop.contoso.com"
_SAMPLES: Final = {
    "JWT_KEYS": json.dumps({"k1": _SECRET}),
    "JWT_ACTIVE_KID": "k1",
    "TRYON_ENGINES": '["compact"]',
    "VTO_ENGINES": "[]",
    "EMAIL_SENDER": "studio@contoso.com",
    "SMS_SENDER": "+4915112345678",
    "SEARCH_ENGINE": "faiss",
}
_KEPT: Final = ("PATH", "HOME", "LANG", "TMPDIR")


def check(path: str, given: Mapping[str, Expression], packages: tuple[str, ...]) -> Iterator[Finding]:
    """What keeps the packages from starting.

    Args:
        given: values by the names of the settings.
        packages: whose settings groups are loaded.
    """
    from pydantic import ValidationError

    from cli.settings import groups
    from shared.errors import ConfigurationError

    with _environment({name: sample(name, value) for name, value in given.items()}):
        for group in groups(packages):
            try:
                group.read()
            except ValidationError as error:
                for problem in error.errors(include_input=False, include_url=False):
                    where = ".".join(str(part) for part in problem["loc"]) or group.__name__
                    yield Finding("app", path, 1, f"the app refuses its settings: {where}: {problem['msg']}")
            except ConfigurationError as error:
                yield Finding("app", path, 1, f"the app refuses its settings: {error.message}")


def sample(name: str, value: Expression) -> str:
    """A literal as it is, a stand-in for what only a deployment knows."""
    known = text(value)
    if known is not None:
        return known
    if name in _SAMPLES:
        return _SAMPLES[name]
    if isinstance(value, Interpolation) and value.parts and not str(value.parts[0]).startswith("@Microsoft.KeyVault"):
        return "".join(part if isinstance(part, str) else "sample" for part in value.parts)
    is_url = any(word in name for word in ("URL", "URI", "Uri", "ENDPOINT", "ORIGIN"))
    return _URL if is_url else _SECRET


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update({name: before[name] for name in _KEPT if name in before} | dict(values))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
