"""A pytest plugin for the processes that `cli.suite.sharing` starts: take file after file, collect and run it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from warnings import WarningMessage

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the connection to the process that gives out the files."""
    parser.addoption("--connection", type=int, help="file descriptor of a multiprocessing.connection.Connection")


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of pytest's own collection and loop."""
    os.set_inheritable(config.option.connection, False)
    config.pluginmanager.register(Taking(config, Connection(config.option.connection)), "studio-taking")


class Taking:
    """Runs the tests of the files it is given."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config, self._connection = config, connection
        self._events: list[tuple[str, Any]] = []
        self._folders: dict[Path, dict[Path, pytest.Collector] | None] = {}

    def pytest_collection(self) -> bool:
        """Leave it to the loop."""
        return True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run tests until no file is left. The last test of a file has the first of the next one as its `nextitem`, so
        that fixtures of both stay alive."""
        items = self._items(session)
        item = next(items, None)
        while item is not None:
            following = next(items, None)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            item = following
        return True

    def _items(self, session: pytest.Session) -> Iterator[pytest.Item]:
        while file := self._take():
            yield from self._collect(session, self._config.rootpath / file)

    def _take(self) -> str | None:
        self._events.append(("take", None))
        self._send()
        return self._connection.recv()

    def _collect(self, session: pytest.Session, path: Path) -> list[pytest.Item]:
        """The tests of one file. Walking through what a collection makes, nearly all of which stays, was a third of its
        time."""
        gc.disable()
        try:
            items = [item for module in self._modules(session, path) for item in session.genitems(module)]
            self._config.hook.pytest_collection_modifyitems(session=session, config=self._config, items=items)
        finally:
            gc.enable()
        session.testscollected += len(items)
        return items

    def _modules(self, session: pytest.Session, path: Path) -> list[pytest.Collector]:
        """The collector of the file; none if that of its folder failed, which has been reported."""
        found = self._folder(session, path.parent)
        if found is not None and path not in found:
            raise pytest.UsageError(f"{path} is not collected: is it ignored?")
        return [] if found is None else [found.pop(path)]

    def _folder(self, session: pytest.Session, path: Path) -> dict[Path, pytest.Collector] | None:
        """The collectors in a folder. It is read once: the fixtures of its `conftest.py` belong to its collector."""
        if path not in self._folders:
            above = {path: pytest.Dir.from_parent(session, path=path)}
            if path != self._config.rootpath:
                above = self._folder(session, path.parent)
            self._folders[path] = None if above is None else self._read(above[path])
        return self._folders[path]

    def _read(self, folder: pytest.Collector) -> dict[Path, pytest.Collector] | None:
        report = folder.ihook.pytest_make_collect_report(collector=folder)
        folder.ihook.pytest_collectreport(report=report)
        return {child.path: child for child in report.result} if report.passed else None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say what is running, in case that this process dies of it."""
        self._events.append(("begun", nodeid))
        self._send()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass on a report of a test."""
        self._report(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Pass on a file that can't be collected, or is skipped."""
        if not report.passed:
            self._report(report)

    def _report(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._events.append(("report", data))

    def pytest_warning_recorded(self, warning_message: WarningMessage, when: str, nodeid: str) -> None:
        """Pass on a warning, as text: its class may be known in this process only."""
        found = warning_message
        text, category = str(found.message), found.category.__name__
        self._events.append(("warning", (text, category, found.filename, found.lineno, when, nodeid)))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Say that all has been run."""
        self._events.append(("finished", None))
        self._send()

    def _send(self) -> None:
        self._connection.send(self._events)
        self._events = []
