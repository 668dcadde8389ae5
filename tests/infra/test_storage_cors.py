"""Pages meet one rule at Blob Storage: that of the emulator is that of the deployed account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from cli.infra.bicep import parse_file
from cli.infra.syntax import Array, Call, Expression, Literal, Name, Object
from emulators import azurite
from emulators.stack import ROOT
from shared.http.settings import read_origins


def test_the_rule_of_the_deployed_account_is_that_of_the_emulator() -> None:
    bicep = (ROOT / "infra/app/storage.bicep").read_text()
    rule = re.search(r"corsRules: \[\s*\{(.*?)\}", bicep, re.DOTALL)
    assert rule is not None
    lists = {name: re.findall(r"'([^']+)'", items) for name, items in re.findall(r"(\w+): \[([^]]*)\]", rule[1])}
    assert lists == {
        "allowedMethods": azurite.CORS_METHODS,
        "allowedHeaders": azurite.CORS_HEADERS,
        "exposedHeaders": azurite.CORS_EXPOSED,
    }
    assert f"maxAgeInSeconds: {azurite.CORS_MAX_AGE_S}" in rule[1]
    assert "allowedOrigins: pageOrigins" in rule[1]


def take(items: list[str], count: int) -> list[str]:
    """The first items."""
    return items[:count]


def join(items: list[str], between: str) -> str:
    """The items in one text."""
    return between.join(items)


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "toLower": str.lower,
    "split": str.split,
    "take": take,
    "join": join,
}


def evaluated(value: Expression, variables: Mapping[str, Expression], given: Mapping[str, str]) -> Any:
    """The value of an expression of literals, names and `FUNCTIONS`, as Bicep's documentation describes these."""
    match value:
        case Literal(literal):
            return literal
        case Name(name):
            return given[name] if name in given else evaluated(variables[name], variables, given)
        case Call(None, name, arguments):
            return FUNCTIONS[name](*(evaluated(one, variables, given) for one in arguments))
        case _:
            raise AssertionError(value)


@pytest.mark.parametrize("module", ["api", "storage"])
@pytest.mark.parametrize(
    ("app_url", "origin"),
    [
        ("https://shop.contoso.com", "https://shop.contoso.com"),
        ("https://Shop.contoso.com/", "https://shop.contoso.com"),
        ("https://contoso.com:8443/shop/index.html?from=mail", "https://contoso.com:8443"),
    ],
)
def test_pages_of_the_site_may_call_whatever_the_path_of_app_url(module: str, app_url: str, origin: str) -> None:
    main = parse_file(ROOT / "infra/main.bicep")
    params = main.modules[module].content.get("params")
    assert isinstance(params, Object)
    origins = params.get("pageOrigins")
    assert isinstance(origins, Array)
    variables = {name: one.value for name, one in main.variables.items()}
    assert evaluated(origins.items[0], variables, {"appUrl": app_url}) == origin
    assert read_origins(origin) == (origin,)


def test_the_rule_has_no_more_prefixes_than_storage_takes() -> None:
    for headers in (azurite.CORS_HEADERS, azurite.CORS_EXPOSED):
        assert sum(header.endswith("*") for header in headers) <= 2
