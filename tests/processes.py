"""Processes of a command and of everything it started, found by an inherited mark and by descent."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from quick import eventually

from emulators.stack import ROOT
from emulators.with_parent import parent_pipe, python

MARK = "STUDIO_TEST_MARK"


class Family:
    """A running `./studio` command with all its descendants."""

    def __init__(self, process: subprocess.Popen[str], mark: str, others: frozenset[psutil.Process]) -> None:
        self.process = process
        self._mark = mark
        self._others = others
        self._seen: set[psutil.Process] = set()

    def alive(self) -> set[psutil.Process]:
        """Those that run now: with the mark in their environment, or seen as descendants before."""
        if self.process.poll() is None:
            self._seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        later = (found for found in psutil.process_iter() if found not in self._others)
        return {found for found in later if _runs(found) and (found in self._seen or self._marked(found))}

    def command_lines(self) -> list[str]:
        """Command lines of the running ones."""
        return [" ".join(process.cmdline()) for process in self.alive() if _runs(process)]

    def wait_for_end(self) -> None:
        """Wait until none is left."""
        eventually(lambda: not self.alive(), "the end of every process")

    def _marked(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark
        except psutil.Error:
            return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[Family]:
    """Start a `./studio` command with these settings; its standard output is a pipe. Whatever is left at the end is
    killed."""
    mark = secrets.token_hex(8)
    others = frozenset(psutil.process_iter())
    process = subprocess.Popen(
        python("cli", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment, MARK: mark},
        stdin=parent_pipe(),
        stdout=subprocess.PIPE,
        text=True,
    )
    family = Family(process, mark, others)
    try:
        yield family
    finally:
        for left in family.alive():
            left.kill()
        process.communicate()
