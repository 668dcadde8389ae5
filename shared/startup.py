"""What is checked of the settings of a process that has just started.

To check all settings imports all of their modules, as much work as a bare app's start. So the start looks at the values
alone, by `settings_index.json`, and checks all settings if one looks unsafe: then the app does not start. What only
the groups themselves know, such as a setting that is missing, is checked as they are read, and of all of them a second
after the first call (decision 64).
"""

from __future__ import annotations

import gc
import json
import os
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from shared.errors import ConfigurationError
    from shared.settings import SettingsGroup

ROOT: Final = Path(__file__).resolve().parents[1]
INDEX: Final = Path(__file__).with_name("settings_index.json")
"""What the value of each variable is checked as; `python -m cli.settings` writes it, a test compares."""
PREFIX: Final = "settings are not usable: "
PACKAGES: Final = ("shared", "functions")
HOSTED: Final = ("FUNCTIONS_WORKER_RUNTIME", "WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME")
"""Variables of which a Functions host sets one; a tool that only lists the functions has none, and no settings."""
CHECK_AFTER_S: Final = 1.0
"""Seconds from a process's first call to the check of all settings: its answer is then on its way."""

_refused: list[ConfigurationError] = []


_set_aside: set[str] = set()


@contextmanager
def importing(what: str) -> Generator[None]:
    """Import something large: what there is at its end stays, so it is left out of every search for garbage.

    Searches among what is being imported are an eighth of the processor time of a process's first call.

    Args:
        what: names it. The second time nothing is left out: what later calls leave behind is garbage.
    """
    gc.disable()
    try:
        yield
    finally:
        if what not in _set_aside:
            _set_aside.add(what)
            gc.freeze()
        gc.enable()


def refuse_unsafe_values() -> None:
    """Outside development, refuse to start with secrets that can be known and connections that anyone can read.

    Raises:
        ConfigurationError: as of `check_settings`, which decides.
    """
    if _must_be_usable() and _has_unsafe_value():
        check_settings()


def _has_unsafe_value() -> bool:
    from shared.settings_checks import looks_unsafe

    kinds = {name.upper(): kind for name, kind in json.loads(INDEX.read_bytes()).items()}
    return any(
        text and looks_unsafe(kinds[name.upper()], text) for name, text in os.environ.items() if name.upper() in kinds
    )


@cache
def check_soon() -> Timer | None:
    """Check all settings in a thread, once a process; `refuse_unusable` then refuses every call if one is wrong."""
    if not _must_be_usable():
        return None
    timer = Timer(CHECK_AFTER_S, _check)
    timer.daemon = True
    timer.start()
    return timer


def refuse_unusable() -> None:
    """Raise ConfigurationError if the check of all settings has found a fault. Only the log names the settings."""
    if _refused:
        raise _refused[0]


def forget() -> None:
    """Take no notice of what an earlier check has found."""
    _refused.clear()


def _check() -> None:
    from shared.errors import ConfigurationError

    if not are_usable():
        _refused.append(ConfigurationError("the app's settings are not usable: its log names them"))


def are_usable() -> bool:
    """Whether `check_settings` finds no fault; those it finds are logged."""
    from shared import telemetry
    from shared.errors import ConfigurationError

    try:
        check_settings()
    except ConfigurationError as error:
        telemetry.log("settings.unusable", level="error", message=error.message)
        return False
    return True


def _must_be_usable() -> bool:
    return os.getenv("ENVIRONMENT") != "development" and any(name in os.environ for name in HOSTED)


def check_settings() -> None:
    """Outside development, refuse settings that can't work or are unsafe; all faults in one message.

    Each group is also checked when it is first used, in any environment.

    Raises:
        ConfigurationError: names every setting at fault and what to do.
    """
    if not _must_be_usable():
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


def settings_groups(packages: Iterable[str] = PACKAGES) -> list[type[SettingsGroup]]:
    """The groups of every `settings.py` and `*_settings.py` of the app, or of other packages, by path."""
    from shared.settings import SettingsGroup

    found: list[type[SettingsGroup]] = []
    for package in packages:
        for path in sorted((ROOT / package).rglob("*settings.py")):
            module = import_module(str(path.relative_to(ROOT).with_suffix("")).replace(os.sep, "."))
            found += [
                value
                for value in vars(module).values()
                if isinstance(value, type) and issubclass(value, SettingsGroup) and value.__module__ == module.__name__
            ]
    return [group for group in found if group is not SettingsGroup]
