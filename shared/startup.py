"""What is checked before the app serves its first request."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.settings import SettingsGroup

ROOT: Final = Path(__file__).resolve().parents[1]
PREFIX: Final = "settings are not usable: "
PACKAGES: Final = ("shared", "functions")
HOSTED: Final = ("FUNCTIONS_WORKER_RUNTIME", "WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME")
"""Variables of which a Functions host sets one; a tool that only lists the functions has none, and no settings."""


def check_settings() -> None:
    """Outside development, refuse to start with settings that can't work or are unsafe; all faults in one message.

    In development each group is checked when it is first used.

    Raises:
        ConfigurationError: names every setting at fault and what to do.
    """
    if os.getenv("ENVIRONMENT") == "development" or not any(name in os.environ for name in HOSTED):
        return
    from shared import settings
    from shared.errors import ConfigurationError

    faults: list[str] = []
    for group in settings_groups():
        try:
            settings.load(group)
        except ConfigurationError as error:
            faults += error.message.removeprefix(PREFIX).replace("settings: Value error, ", "").split("; ")
    if faults:
        raise ConfigurationError(PREFIX + "; ".join(dict.fromkeys(faults)))


def settings_groups() -> list[type[SettingsGroup]]:
    """The settings of every package of the app."""
    from shared.settings import SettingsGroup

    found: list[type[SettingsGroup]] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("settings.py")):
            module = import_module(str(path.relative_to(ROOT).with_suffix("")).replace(os.sep, "."))
            found += [
                value
                for value in vars(module).values()
                if isinstance(value, type) and issubclass(value, SettingsGroup) and value.__module__ == module.__name__
            ]
    return [group for group in found if group is not SettingsGroup]
