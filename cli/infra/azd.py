"""What azd makes of `main.parameters.json`: its substitution, replayed.

Source: Azure/azure-dev, cli/azd/pkg/infra/provisioning/bicep/bicep_provider.go, `loadParameters`. A string given for an
`object` or `array` parameter is substituted and then parsed as JSON (path A). For every other parameter the whole
`{"value": ...}` is written as JSON, substituted as text without any escaping, and parsed again (path B): a value with a
quotation mark or a backslash breaks it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?:(?::-|:=|=|-)([^}]*))?\}")
_FORM: Final = re.compile(r"\$\{[^}]*\}?|\$\(\w+\)|%\w+%")
PRINCIPAL: Final = {"AZURE_PRINCIPAL_ID": "00000000-0000-0000-0000-000000000000", "AZURE_PRINCIPAL_TYPE": "User"}
"""Known to azd itself, whatever the environment says."""


@dataclass(frozen=True)
class Substituted:
    """Values of the parameters, and what went wrong, by the parameter's name."""

    values: dict[str, Any]
    problems: dict[str, str]


def substitute(
    parameters: Mapping[str, Mapping[str, Any]], types: Mapping[str, str], environment: Mapping[str, str]
) -> Substituted:
    """Replay azd.

    Args:
        parameters: `parameters` of the file.
        types: the type of each parameter of `main.bicep`.
        environment: what `azd env set` stored.
    """
    done = Substituted({}, {})
    known = {**environment, **PRINCIPAL}
    for name, parameter in parameters.items():
        value = parameter.get("value")
        unset = not all(variable in known for variable, _ in _VARIABLE.findall(json.dumps(parameter)))
        is_json = types.get(name, "").strip() in ("object", "array") and isinstance(value, str)
        try:
            if is_json:
                replaced = _evaluate(str(value), known)
                if not replaced and unset:
                    continue
                done.values[name] = json.loads(replaced)
            else:
                resolved = json.loads(_evaluate(json.dumps(parameter), known)).get("value")
                if resolved is None or (resolved == "" and unset):
                    continue
                done.values[name] = resolved
        except json.JSONDecodeError as error:
            done.problems[name] = f"azd can't parse what it substitutes: {error.msg} at column {error.colno}"
    return done


def variables(parameter: Mapping[str, Any]) -> list[str]:
    """The environment variables that a parameter is made of."""
    return [name for name, _ in _VARIABLE.findall(json.dumps(parameter))]


def unknown_forms(parameter: Mapping[str, Any]) -> list[str]:
    """What looks like a variable and is not replaced here: a further form of azd, such as `${NAME,,}`, or mistyped."""
    return _FORM.findall(_VARIABLE.sub("", json.dumps(parameter)))


def _evaluate(text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environment.get(found[1]) or found[2] or "", text)
