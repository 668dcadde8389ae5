"""Every settings group of the product, for the page that lists them and for the tests of `infra/`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from shared.settings import SettingsGroup

ROOT = Path(__file__).resolve().parents[1]
APP = ("shared", "functions")
CONTAINER = ("vto_container",)


def groups(packages: tuple[str, ...] = (*APP, *CONTAINER)) -> list[type[SettingsGroup]]:
    """The groups of every `settings.py` of these packages, by the path of their file."""
    found: list[type[SettingsGroup]] = []
    for package in packages:
        for path in sorted((ROOT / package).rglob("settings.py")):
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
