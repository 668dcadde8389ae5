"""azd's substitution, and what the documented commands and hooks store, through a real shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.infra import parameters, project
from cli.infra.azd import substitute
from cli.infra.bicep import parse, parse_file

ROOT = Path(__file__).resolve().parents[2]
JSON = st.recursive(
    st.text() | st.booleans() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5
)


def values(type: str, written: Any, **environment: str) -> tuple[Any, str | None]:
    done = substitute({"x": {"value": written}}, {"x": type}, environment)
    return done.values.get("x"), done.problems.get("x")


@given(st.dictionaries(st.text(), JSON))
def test_an_object_gets_any_json(value: dict[str, Any]) -> None:
    assert values("object", "${KEYS}", KEYS=json.dumps(value)) == (value, None)


@given(st.text())
def test_a_string_gets_what_needs_no_escape_and_nothing_else(value: str) -> None:
    found, problem = values("string", "${KEYS}", KEYS=value)
    plain = json.dumps(value, ensure_ascii=False) == f'"{value}"'
    assert not plain or (found, problem) == (value, None)
    assert plain or found != value


def test_unset_variables_are_left_out_and_defaults_are_used() -> None:
    assert values("string", "${NONE}") == (None, None)
    assert values("object", "${NONE}") == (None, None)
    assert values("string", "${NONE=fallback}") == ("fallback", None)
    assert values("string", "a-${NONE}") == ("a-", None)
    assert values("int", 3) == (3, None)
    assert values("object", {"a": "${A}"}, A="1") == ({"a": "1"}, None)


@pytest.mark.processes
def test_the_documented_commands_and_the_hooks_make_parameters_that_azd_can_read() -> None:
    main = parse_file(ROOT / "infra/main.bicep")
    given: dict[str, Any] = json.loads((ROOT / "infra/main.parameters.json").read_text())["parameters"]
    types = {name: one.type for name, one in main.parameters.items()}
    made = project.made_by_hooks(ROOT)
    documented = dict(parameters.documented([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]))
    assert set(made) == {"JWT_KEYS", "VTO_TOKEN"}
    assert "APP_URL" in documented
    base = {"AZURE_ENV_NAME": "shop", "AZURE_LOCATION": "westeurope"}
    done = substitute(given, types, {**base, **documented, **made})
    assert done.problems == {}
    required = {name for name, one in main.parameters.items() if one.default is None}
    assert required <= done.values.keys()
    (key,) = done.values["jwtKeys"].values()
    assert len(key) >= 32
    assert len(done.values["vtoToken"]) >= 32


@pytest.mark.processes
@pytest.mark.parametrize(
    ("type", "command", "right"),
    [
        ("string", """azd env set JWT_KEYS "{\\"k1\\": \\"abc\\"}\"""", False),
        ("string", """azd env set JWT_KEYS '{"k1": "abc"}'""", False),
        ("string", """azd env set JWT_KEYS 'say \\"no\\"'""", False),
        ("string", """azd env set JWT_KEYS 'C:\\new'""", False),
        ("string", """azd env set JWT_KEYS abc+/=""", True),
        ("object", """azd env set JWT_KEYS '{"k1": "abc"}'""", True),
        ("object", """azd env set JWT_KEYS "{\\"k1\\": \\"$(echo abc)\\"}\"""", True),
        ("object", """azd env set JWT_KEYS '{k1: abc}'""", False),
        ("object", """azd env set JWT_KEYS '["abc"]'""", False),
        ("array", """azd env set JWT_KEYS '["abc"]'""", True),
        ("int", """azd env set JWT_KEYS 3""", False),
    ],
)
def test_a_command_that_breaks_a_parameter_is_found(type: str, command: str, right: bool) -> None:
    main = parse(f"param jwtKeys {type}")
    written = {"jwtKeys": {"value": "${JWT_KEYS}"}}
    found = parameters.check_values(main, written, dict(parameters.run_commands([command])), "the page")
    assert bool(found) is not right, found
