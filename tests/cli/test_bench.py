"""What `./studio bench` offers."""

from __future__ import annotations

import importlib
import inspect

import pytest

from cli import bench


@pytest.mark.parametrize("name", bench.names())
def test_every_bench_that_is_offered_can_be_called_as_it_is(name: str) -> None:
    main = inspect.signature(importlib.import_module(f"bench.{name}").main)
    main.bind()
    if "quick" in main.parameters:
        main.bind(quick=True)
