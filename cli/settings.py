"""Every settings group of the product, for the page that lists them and for the tests of `infra/`.

`python -m cli.settings` rewrites the tables of `docs/configuration.md` and `shared/settings_index.json`.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic.fields import FieldInfo

from shared.settings import SettingsGroup
from shared.startup import INDEX, PACKAGES, settings_groups

ROOT = Path(__file__).resolve().parents[1]
APP = PACKAGES
CONTAINER = ("vto_container",)


def groups(packages: tuple[str, ...] = (*APP, *CONTAINER)) -> list[type[SettingsGroup]]:
    """The groups of the app and of the container, or of some packages of theirs, by the path of their file."""
    return settings_groups(packages)


def variables(group: type[SettingsGroup]) -> dict[str, str]:
    """Names of a group's fields by the environment variable that sets them."""
    return {group.variable(name): name for name in group.model_fields}


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
