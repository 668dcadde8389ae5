"""Every settings group of the product, for the page that lists them and for the tests of `infra/`.

`python -m cli.settings` rewrites the tables of `docs/configuration.md` and `shared/settings_index.json`.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from pydantic.fields import FieldInfo

from shared.settings import SettingsGroup
from shared.startup import INDEX

ROOT = Path(__file__).resolve().parents[1]
APP = ("shared", "functions")
CONTAINER = ("vto_container",)


def groups(packages: tuple[str, ...] = (*APP, *CONTAINER)) -> list[type[SettingsGroup]]:
    """The groups of every `settings.py` and `*_settings.py` of these packages, by the path of their file."""
    found: list[type[SettingsGroup]] = []
    for package in packages:
        for path in sorted((ROOT / package).rglob("*settings.py")):
            module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            found += [
                value
                for value in vars(module).values()
                if isinstance(value, type) and issubclass(value, SettingsGroup) and value.__module__ == module.__name__
            ]
    return [group for group in found if group is not SettingsGroup]


def variables(group: type[SettingsGroup]) -> dict[str, str]:
    """Names of a group's fields by the environment variable that sets them."""
    fields = group.model_fields.items()
    return {str(field.validation_alias) if field.validation_alias else name.upper(): name for name, field in fields}


PAGE = ROOT / "docs" / "configuration.md"
START = "<!-- settings: written by `python -m cli.settings` -->"


def tables() -> str:
    """The Markdown tables of all groups: variable, default and description."""
    lines: list[str] = []
    for group in groups():
        module = group.__module__.replace(".", "/")
        lines += [
            "",
            f"### {group.__name__} (`{module}.py`)",
            "",
            "| variable | default | description |",
            "|---|---|---|",
        ]
        for variable, name in variables(group).items():
            field = group.model_fields[name]
            lines.append(
                f"| `{variable}` | {_default(field)} | {(field.description or '').replace('|', chr(92) + '|')} |"
            )
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or str(value).startswith(str(ROOT)):
        return ""
    if field.is_required():
        return "required"
    text = json.dumps(value, default=str)
    return f"`{text}`" if len(text) <= 60 else "see the code"


def page() -> str:
    """The page with its tables rewritten."""
    before, _, _ = PAGE.read_text().partition(START)
    return f"{before}{START}\n{tables()}"


def index() -> str:
    """What the value of each of the app's variables is checked as when a process starts, as JSON."""
    kinds = dict(sorted({variable: kind for group in groups(APP) for variable, kind in group.kinds().items()}.items()))
    return json.dumps(kinds, indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    INDEX.write_text(index())
