"""HTTP functions called as the worker calls them, through their registered wrapper, without a host around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from quick import QUICK
from storage_clients import forget_other_storage

from cli import function_index

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"
KEYS = {"k1": "development-only-key-" + "1" * 48, "k0": "development-only-key-" + "0" * 48}

SETTINGS = {
    "ENVIRONMENT": "development",
    "Storage": "UseDevelopmentStorage=true",
    "JWT_KEYS": json.dumps(KEYS),
    "JWT_ACTIVE_KID": "k1",
    "TRUSTED_PROXY_HOPS": "1",
    "RATE_LIMIT_SCALE": "1000",
    "RATE_LIMIT_WAIT_S": "60",
    "PASSWORD_MEMORY_KIB": QUICK["PASSWORD_MEMORY_KIB"],
    "CALLS_AT_ONCE": "1000",
    "COSTLY_CALLS_AT_ONCE": "1000",
    "VISITOR_COSTLY_CALLS_AT_ONCE": "1000",
}


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The code of a problem; fails if it is none."""
        assert self.headers["Content-Type"] == "application/problem+json", self.raw
        return self.body["code"]


class App:
    """The functions of some blueprints, by name."""

    def __init__(self, *blueprints: func.Blueprint) -> None:
        app = func.FunctionApp()
        for bp in blueprints:
            app.register_functions(bp)
        self._functions = {f.get_function_name(): f for f in app.get_functions()}

    @classmethod
    def of(cls, step: str) -> App:
        """All functions of a step."""
        modules = [module for module in function_index.modules() if module.split(".")[1] == step]
        return cls(*(import_module(module).bp for module in modules))

    def __call__(
        self,
        name: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        route: Mapping[str, str] | None = None,
        ip: str = "203.0.113.7",
        method: str | None = None,
    ) -> Answered:
        """Call a function. `body`: bytes as they are, anything else as JSON; `method`: its first one by default."""
        found = self._functions[name]
        trigger = found.get_trigger()
        sent = {"Content-Type": "application/json", "X-Forwarded-For": ip, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = func.HttpRequest(
            method or trigger.methods[0].value,
            f"http://127.0.0.1/{trigger.route}",
            headers=sent,
            params=query,
            route_params=route,
            body=raw,
        )
        context: Any = SimpleNamespace(trace_context=SimpleNamespace(Traceparent=None), function_name=name)
        response = found.get_user_function()(req=request, context=context)
        kind = {"Content-Type": response.mimetype}
        return Answered(response.status_code, {**kind, **dict(response.headers)}, response.get_body())


@contextmanager
def fresh_store(path: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[Callable[..., None]]:
    """An empty store (SQLite unless settings say otherwise) and these tests' settings; yields what changes them."""
    from shared.accounts.api_keys import api_key_cache
    from shared.accounts.cache import account_cache
    from shared.documents import store
    from shared.http import limits
    from shared.settings import forget as forget_settings

    def change(**changed: str) -> None:
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        forget_settings()

    def forget() -> None:
        forget_settings()
        store.cache_clear()
        account_cache.clear()
        api_key_cache.clear()
        limits.forget()

    forget()
    change(**{**SETTINGS, "DOCUMENTS": f"sqlite:{path / 'documents.sqlite'}", **settings})
    forget_other_storage()
    yield change
    limits.forget()
    if store._opened is not None:  # else one would be made to be closed
        store().close()
    forget()
