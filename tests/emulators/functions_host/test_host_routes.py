"""Route templates, blob patterns and binding expressions."""

import pytest

from emulators.functions_host.patterns import BlobPattern, PatternError, fill
from emulators.functions_host.routes import Route, RouteError


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("orders", "Orders", {}),
        ("orders", "orders/", {}),
        ("orders", "orders/1", None),
        ("orders/{id}", "orders/a%20b", {"id": "a b"}),
        ("orders/{id}", "orders/", None),
        ("orders/{id?}", "orders", {}),
        ("orders/{id=7}", "orders", {"id": "7"}),
        ("{*rest}", "a/b/c", {"rest": "a/b/c"}),
        ("{*rest}", "", {}),
        ("files/{*rest}", "files", {}),
        ("files/{*rest}", "files/a%2Fb", {"rest": "a%2Fb"}),
        ("{name}.{ext}", "hat.v2.png", {"name": "hat.v2", "ext": "png"}),
        ("a-{id:int}", "a-12", {"id": "12"}),
        ("{id:int:min(3)}", "2", None),
        ("{id:int:min(3)}", "3", {"id": "3"}),
        ("{id:int}", "99999999999", None),
        ("{id:long}", "99999999999", {"id": "99999999999"}),
        ("{id:guid}", "6F1D4B0E-58CF-4F8C-9D55-8D0A5D9F5B11", {"id": "6F1D4B0E-58CF-4F8C-9D55-8D0A5D9F5B11"}),
        ("{id:guid}", "nope", None),
        ("{x:bool}", "True", {"x": "True"}),
        ("{x:alpha:length(2,3)}", "abcd", None),
        ("{x:range(1,5)}", "5", {"x": "5"}),
        ("{x:datetime}", "2026-11-21", {"x": "2026-11-21"}),
        ("{x:regex(^\\d{{2}}$)}", "42", {"x": "42"}),
        ("{x:regex(^\\d{{2}}$)}", "421", None),
    ],
)
def test_routes(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert Route(template).match(path) == expected


@pytest.mark.parametrize("template", ["{id", "{:int}", "{id:nothing}", "{id:min(x)}"])
def test_bad_routes(template: str) -> None:
    with pytest.raises(RouteError):
        Route(template)


@pytest.mark.parametrize(
    ("pattern", "blob", "expected"),
    [
        ("c/{name}", "a/b.txt", {"name": "a/b.txt"}),
        ("c/{vendor}/{sku}.{ext}", "acme/hat.v2.png", {"vendor": "acme", "sku": "hat", "ext": "v2.png"}),
        ("c/in/{name}.jpg", "in/x.png", None),
        ("c", "anything", {}),
        ("c/exact.txt", "exact.txt", {}),
    ],
)
def test_blob_patterns(pattern: str, blob: str, expected: dict[str, str] | None) -> None:
    assert BlobPattern(pattern).match(blob) == expected


@pytest.mark.parametrize("pattern", ["{container}/x", "c/{a}{a}", "c/{not a name}"])
def test_bad_blob_patterns(pattern: str) -> None:
    with pytest.raises(PatternError):
        BlobPattern(pattern)


def test_fill() -> None:
    values = {"id": 7, "Query": {"colour": "red"}}
    assert fill("out/{ID}-{query.Colour}.txt", values) == "out/7-red.txt"
    assert len(fill("{rand-guid}", {})) == 36
    with pytest.raises(PatternError):
        fill("{unknown}", values)
