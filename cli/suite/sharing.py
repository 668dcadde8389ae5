"""A pytest plugin that shares test files out to processes and reports what comes of them as one run.

    python -m pytest -p cli.suite.sharing --processes 4

Each process (`cli.suite.taking`) asks for a file, and collects and runs that file alone; it keeps session fixtures
until its end. The first process alone runs the files that need the shared stack, and then takes others, too. This
process imports no test file.
"""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any
from warnings import WarningMessage

import pytest

from cli.suite.selection import files_to_run, may_need
from emulators.with_parent import parent_pipe, python, stop

STOP_S = 15
ENDS_IN_ORDER = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass
class Process:
    """A test process, the files it has been given and not been through, and the test that it runs."""

    number: int
    popen: subprocess.Popen[bytes]
    files: list[str] = field(default_factory=list[str])
    test: str = ""
    finished: bool = False


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the number of processes."""
    parser.addoption("--processes", type=int, default=2, help="test processes that take file after file")


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of pytest's own collection and loop."""
    config.pluginmanager.register(Sharing(config), "studio-sharing")


class Sharing:
    """Gives out files, and passes the reports of all processes to the plugins of this process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._on_stack: list[str] = []
        self._others: list[str] = []
        self._tests = 0

    def pytest_collection(self) -> bool:
        """List the files; the processes collect them."""
        places = [self._config.invocation_params.dir / place for place in self._config.args]
        for path in files_to_run(places, self._config.option.markexpr, self._config.option.keyword):
            queue = self._on_stack if may_need(path, "stack") else self._others
            queue.append(str(path.relative_to(self._config.rootpath)))
        return True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Start the processes and answer them until each has ended."""
        with ExitStack() as running:
            processes = dict(self._start(number, running) for number in range(self._config.option.processes))
            while processes:
                for connection in wait(list(processes)):
                    assert isinstance(connection, Connection)
                    self._hear(connection, processes)
                    session.testscollected = self._tests
                    if session.shouldfail:
                        raise session.Failed(session.shouldfail)
        for file in [*self._on_stack, *self._others]:
            self._fail(file, "was not run: the process that was to run it has ended")
        return True

    def _start(self, number: int, running: ExitStack) -> tuple[Connection, Process]:
        ours, theirs = Pipe()
        running.callback(ours.close)
        options = ["--connection", str(theirs.fileno()), "-m", self._config.option.markexpr]
        # pytest keeps the directories of the last three runs; those of all processes are in one.
        folder = Path(str(self._config._tmp_path_factory.getbasetemp()))  # pyright: ignore
        command = python("pytest", "-p", "cli.suite.taking", *options, "--basetemp", str(folder / f"process-{number}"))
        with theirs:
            popen = subprocess.Popen(
                command, stdin=parent_pipe(), stdout=subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
            )
        running.callback(stop, popen, STOP_S)
        return ours, Process(number, popen)

    def _hear(self, connection: Connection, processes: dict[Connection, Process]) -> None:
        process = processes[connection]
        try:
            events: list[tuple[str, Any]] = connection.recv()
            for name, value in events:
                if name == "take":
                    connection.send(self._give(process))
                else:
                    self._event(process, name, value)
        except (EOFError, ConnectionError):
            del processes[connection]
            self._ended(process)

    def _give(self, process: Process) -> str | None:
        queue = self._on_stack if process.number == 0 and self._on_stack else self._others
        if not queue:
            return None
        process.test = ""
        process.files.append(queue.pop(0))
        return process.files[-1]

    def _event(self, process: Process, name: str, value: Any) -> None:
        hook = self._config.hook
        if name == "begun":
            self._tests += 1
            process.test, file = value, value.partition("::")[0]
            if file in process.files:
                del process.files[: process.files.index(file)]
        elif name == "report":
            report = hook.pytest_report_from_serializable(config=self._config, data=value)
            is_test = isinstance(report, pytest.TestReport)
            (hook.pytest_runtest_logreport if is_test else hook.pytest_collectreport)(report=report)
        elif name == "warning":
            text, category, file, line, when, test = value
            warning = WarningMessage(text, type(category, (Warning,), {}), file, line)
            facts = {"warning_message": warning, "when": when, "nodeid": test, "location": None}
            hook.pytest_warning_recorded.call_historic(kwargs=facts)
        elif name == "finished":
            process.finished = True

    def _ended(self, process: Process) -> None:
        status = process.popen.wait()
        if process.finished and status in ENDS_IN_ORDER:
            return
        where = process.test or (process.files or [f"test process {process.number}"])[-1]
        had = ", ".join(process.files) or "no file"
        self._fail(where, f"test process {process.number} ended with status {status}; files it had not ended: {had}")

    def _fail(self, where: str, why: str) -> None:
        place = (where.partition("::")[0], None, where)
        report = pytest.TestReport(where, place, {}, "failed", why, "call")
        self._config.hook.pytest_runtest_logreport(report=report)
