"""What `infra/` sets up against what the app uses: containers, queues, settings, schedules, secrets, telemetry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.infra import operations, startup
from cli.infra.findings import Finding
from cli.infra.syntax import (
    Array,
    Call,
    Expression,
    File,
    For,
    If,
    Interpolation,
    Literal,
    Name,
    Object,
    Operation,
    Resource,
    text,
    walk,
)
from cli.settings import APP, CONTAINER

PLATFORM: Final = frozenset(
    {
        "AZURE_CLIENT_ID", "APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "PYTHON_THREADPOOL_THREAD_COUNT", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
        "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_",
        "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__credential",
        "AzureWebJobsStorage__clientId", "Storage__credential",
    }
)  # fmt: skip
"""Settings that the platform, the host or an SDK reads."""
MANAGED: Final = frozenset({"FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "SCM_DO_BUILD_DURING_DEPLOYMENT"})
"""Settings that Flex Consumption refuses: `functionAppConfig` has their place."""
NEEDED: Final = {
    "Microsoft.DocumentDB/databaseAccounts": ("COSMOS_ENDPOINT", "DOCUMENTS"),
    "Microsoft.Insights/components": ("APPLICATIONINSIGHTS_CONNECTION_STRING",),
    "Microsoft.SignalRService/webPubSub": ("WEBPUBSUB_CONNECTION",),
    "Microsoft.App/containerApps": ("VTO_URL", "VTO_TOKEN", "TRYON_ENGINES"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("AZURE_CLIENT_ID",),
}
"""Settings by which the app reaches what is made; optional for the app, since it can run without them."""
CONTAINER_NEEDS: Final = ("AZURE_CLIENT_ID", "Storage__blobServiceUri", "VTO_TOKEN", "VTO_MODELS_FROM")
_PLACEHOLDER: Final = re.compile(r"%([^%]+)%")
_SECRET: Final = re.compile(r"secrets/([\w-]+)")


@dataclass(frozen=True)
class AppFacts:
    """What the app uses."""

    containers: frozenset[str]
    queues: frozenset[str]
    documents: Mapping[str, tuple[str, int, bool]]
    """Partition key, time to live in seconds (-1: none) and whether it is indexed, by container."""
    unindexed: frozenset[str]
    """Paths that the indexing policies of the document containers exclude."""
    settings: frozenset[str]
    container_settings: frozenset[str]
    functions: Mapping[str, Mapping[str, Any]]
    """Arguments of the triggers by the names of the functions, as in the function index."""


def facts() -> AppFacts:
    """What this checkout's app uses."""
    from cli.settings import groups, variables
    from shared import blobs, function_index
    from shared.documents import CONTAINERS
    from shared.documents.cosmos import INDEXED, UNINDEXED
    from shared.jobs import queues

    return AppFacts(
        containers=frozenset(blobs.CONTAINERS),
        queues=frozenset((*queues.TRIGGERS, *(name + queues.POISON for name in queues.TRIGGERS), queues.EMAIL_REPORTS)),
        documents={
            one.name: (one.partition_key, -1 if one.ttl is None else one.ttl, one.indexed)
            for one in CONTAINERS.values()
        },
        unindexed=frozenset(one["path"] for policy in (INDEXED, UNINDEXED) for one in policy["excludedPaths"]),
        settings=frozenset(name for group in groups(APP) for name in variables(group)),
        container_settings=frozenset(name for group in groups(("shared", *CONTAINER)) for name in variables(group)),
        functions={one.name: one.arguments for one in function_index.read()},
    )


def check(root: Path, files: Mapping[str, File], app: AppFacts) -> list[Finding]:
    """Every disagreement of a checkout's files, by their names below `infra/`, with the app."""
    return [*_Checker(root, files, app).run()]


class _Checker:
    def __init__(self, root: Path, files: Mapping[str, File], app: AppFacts) -> None:
        self._root = root
        self._files = files
        self._app = app

    def run(self) -> Iterator[Finding]:
        made = self._named("Microsoft.Storage/storageAccounts/blobServices/containers")
        yield from self._same("blob container", set(self._app.containers), made - {"deployment"}, "app/storage.bicep")
        queues = self._named("Microsoft.Storage/storageAccounts/queueServices/queues")
        yield from self._same("queue", set(self._app.queues), queues, "app/storage.bicep")
        yield from self._documents()
        settings = self._settings()
        yield from self._app_settings(settings)
        yield from startup.check("app/api.bicep", {name: value for name, (_, _, value) in settings.items()}, APP)
        yield from operations.check(self._root, self._files, {name: value for name, (_, _, value) in settings.items()})
        yield from operations.prefixes(self._files, self._app.containers)
        yield from self._triggers(settings, made, queues)
        yield from self._container_settings()
        yield from self._container_starts()
        yield from self._secrets()
        yield from self._telemetry(settings)
        yield from self._alerts()

    def _resources(self, type: str) -> Iterator[tuple[str, File, Resource]]:
        for path, file in self._files.items():
            for resource, _ in file.all_resources():
                if resource.type.lower() == type.lower() and not resource.existing:
                    yield path, file, resource

    def _named(self, type: str) -> set[str]:
        """The names of all resources of a type, with their loops run."""
        found: set[str] = set()
        for _, file, resource in self._resources(type):
            found |= {name for name in names(resource, file) if name is not None}
        return found

    def _same(self, what: str, used: set[str], made: set[str], path: str) -> Iterator[Finding]:
        for name in sorted(used - made):
            yield Finding("app", path, 1, f"the app uses the {what} {name}, which is not made: add it")
        for name in sorted(made - used):
            yield Finding("app", path, 1, f"the {what} {name} is made, but the app does not use it: remove it")

    def _documents(self) -> Iterator[Finding]:
        type = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"
        for path, file, resource in self._resources(type):
            rows = loop_items(resource.body, file)
            found: dict[str, tuple[str, int, bool]] = {}
            for row in rows:
                values = {text(one.key): one.value for one in row.properties}
                name, key = text(values.get("name")), text(values.get("partitionKey"))
                if name and key:
                    found[name] = (key.removeprefix("/"), _number(values.get("ttl")), _flag(values.get("indexed")))
            if not found:
                continue
            yield from self._same("document container", set(self._app.documents), set(found), path)
            for name in sorted(found.keys() & self._app.documents.keys()):
                if found[name] != self._app.documents[name]:
                    wanted = self._app.documents[name]
                    message = f"container {name} is made with (partition key, ttl, indexed) {found[name]}, not {wanted}"
                    yield Finding("app", path, resource.line, message)
            excluded = {
                excluded_path
                for node in walk(resource.body)
                if isinstance(node, Object) and (paths := node.get("excludedPaths")) is not None
                for one in walk(paths)
                if isinstance(one, Object) and (excluded_path := text(one.get("path"))) is not None
            }
            yield from self._same("path outside the index", set(self._app.unindexed), excluded, path)

    # settings

    def _settings(self) -> dict[str, tuple[str, int, Expression]]:
        """The app settings: file, line and value by name."""
        found: dict[str, tuple[str, int, Expression]] = {}
        for path, file, resource in self._resources("Microsoft.Web/sites/config"):
            if text(resource.content.get("name")) == "appsettings":
                value = resource.content.get("properties")
                for one in objects(value, file) if value is not None else ():
                    for each in one.properties:
                        found[text(each.key) or ""] = (path, each.line, each.value)
        return found

    def _app_settings(self, settings: Mapping[str, tuple[str, int, Expression]]) -> Iterator[Finding]:
        for type, needed in NEEDED.items():
            for name in needed if any(self._resources(type)) else ():
                if name not in settings:
                    yield Finding("app", "app/api.bicep", 1, f"{type} is made, but the app is not given {name}")
        schedules = {name for one in self._app.functions.values() for name in _placeholders(one)}
        for name, (path, line, value) in settings.items():
            if name in MANAGED:
                yield Finding("app", path, line, f"Flex Consumption refuses the setting {name}: remove it")
            elif name not in self._app.settings | PLATFORM | schedules:
                yield Finding("app", path, line, f"the app reads no setting {name}")
            if name in schedules and (problem := operations.not_ncrontab(text(value))):
                yield Finding("app", path, line, f"{name} is no NCRONTAB expression of six fields: {problem}")

    def _triggers(
        self, settings: Mapping[str, tuple[str, int, Expression]], containers: set[str], queues: set[str]
    ) -> Iterator[Finding]:
        for function, arguments in self._app.functions.items():
            for name in _placeholders(arguments):
                if name not in settings:
                    yield Finding("app", "app/api.bicep", 1, f"{function} needs the setting {name}: add it")
            connection = arguments.get("connection")
            if connection and not any(name.partition("__")[0] == connection for name in settings):
                yield Finding("app", "app/api.bicep", 1, f"{function} needs the connection {connection}: add it")
            queue = arguments.get("queue_name")
            if queue and queue not in queues:
                yield Finding("app", "app/storage.bicep", 1, f"{function} reads the queue {queue}, which is not made")
            container = str(arguments.get("path") or "").partition("/")[0]
            if container and container not in containers:
                message = f"{function} watches the container {container}, which is not made"
                yield Finding("app", "app/storage.bicep", 1, message)

    def _environment(self) -> Iterator[tuple[str, str, int, Object]]:
        """The variables of container apps: file, name, line, and the object that sets it."""
        for path, file, resource in self._resources("Microsoft.App/containerApps"):
            for node in walk(resource.body):
                if isinstance(node, Object) and (value := node.get("env")) is not None:
                    for one in objects(value, file):
                        if (name := text(one.get("name"))) is not None:
                            yield path, name, one.line, one

    def _container_settings(self) -> Iterator[Finding]:
        for path, name, line, _ in self._environment():
            if name not in self._app.container_settings | PLATFORM:
                yield Finding("app", path, line, f"the try-on container reads no setting {name}")

    def _container_starts(self) -> Iterator[Finding]:
        values = {name: one.get("value") or Interpolation((), line=line) for _, name, line, one in self._environment()}
        for name in CONTAINER_NEEDS if values else ():
            if name not in values:
                yield Finding("app", "app/vto.bicep", 1, f"the try-on container is not given {name}")
        if values:
            yield from startup.check("app/vto.bicep", values, CONTAINER)

    # secrets and telemetry

    def _secrets(self) -> Iterator[Finding]:
        made, read = self._named("Microsoft.KeyVault/vaults/secrets"), set[str]()
        for path, file in self._files.items():
            for line, name in _references(file):
                read.add(name)
                if name not in made:
                    yield Finding("app", path, line, f"the secret {name} is read, but not made in the vault")
        for name in sorted(made - read):
            yield Finding("app", "app/vault.bicep", 1, f"the secret {name} is made, but read nowhere")
        for path, file, resource in self._resources("Microsoft.App/containerApps"):
            declared = {
                text(one.get("name"))
                for node in walk(resource.body)
                if isinstance(node, Object) and (value := node.get("secrets")) is not None
                for one in objects(value, file)
            }
            for _, name, line, one in self._environment():
                secret = text(one.get("secretRef"))
                if secret is not None and secret not in declared:
                    yield Finding("app", path, line, f"{name} refers to the secret {secret}, which is not declared")

    def _telemetry(self, settings: Mapping[str, tuple[str, int, Expression]]) -> Iterator[Finding]:
        """Application Insights without local authentication takes Entra tokens only: every sender must ask for one."""
        entra_only = False
        for _, _, resource in self._resources("Microsoft.Insights/components"):
            for node in walk(resource.body):
                if isinstance(node, Object) and (value := node.get("DisableLocalAuth")) is not None:
                    entra_only = entra_only or (isinstance(value, Literal) and value.value is True)
        if not entra_only:
            return
        senders: dict[str, set[str]] = {"app/api.bicep": set(settings)}
        for path, name, _, _ in self._environment():
            senders.setdefault(path, set()).add(name)
        sends, asks = "APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
        for path, given in senders.items():
            if sends in given and asks not in given:
                message = f"Application Insights takes Entra tokens only: without {asks} all telemetry is refused"
                yield Finding("app", path, 1, message)

    def _alerts(self) -> Iterator[Finding]:
        """The first deployment makes workspace and rules together, when the tables of the queries do not exist."""
        for path, _, resource in self._resources("Microsoft.Insights/scheduledQueryRules"):
            skips = (node.get("skipQueryValidation") for node in walk(resource.body) if isinstance(node, Object))
            if not any(isinstance(value, Literal) and value.value is True for value in skips):
                message = "a new workspace has no tables yet, and the query is refused: set skipQueryValidation to true"
                yield Finding("app", path, resource.line, message)


def objects(value: Expression, file: File) -> Iterator[Object]:
    """The objects that an expression may be made of: through variables, conditionals, `union` and `concat`."""
    match value:
        case Object():
            yield value
            for spread in value.spreads:
                yield from objects(spread, file)
        case Array(items):
            for item in items:
                yield from objects(item, file)
        case Name(name) if name in file.variables:
            yield from objects(file.variables[name].value, file)
        case Name(name) if name in file.parameters and (default := file.parameters[name].default) is not None:
            yield from objects(default, file)
        case Operation("?", (_, first, second)):
            yield from objects(first, file)
            yield from objects(second, file)
        case Operation("...", (inner,)):
            yield from objects(inner, file)
        case Call(None, "union" | "concat", arguments):
            for argument in arguments:
                yield from objects(argument, file)
        case _:
            return


def strings(value: Expression, file: File) -> Iterator[str]:
    """The strings of a list: through variables, defaults of parameters, and `concat`."""
    match value:
        case Literal(str(one)):
            yield one
        case Array(items):
            for item in items:
                yield from strings(item, file)
        case Name(name) if name in file.variables:
            yield from strings(file.variables[name].value, file)
        case Name(name) if name in file.parameters and (default := file.parameters[name].default) is not None:
            yield from strings(default, file)
        case Operation("...", (inner,)):
            yield from strings(inner, file)
        case Call(None, "concat", arguments):
            for argument in arguments:
                yield from strings(argument, file)
        case _:
            return


def loop_items(body: Expression, file: File) -> list[Object]:
    """The objects that a loop goes over; empty where there is no loop."""
    while isinstance(body, If):
        body = body.body
    return list(objects(body.source, file)) if isinstance(body, For) else []


def names(resource: Resource, file: File) -> Iterator[str | None]:
    """The names of a resource, one for each turn of its loop; None where one can't be read."""
    body, name = resource.body, resource.content.get("name")
    while isinstance(body, If):
        body = body.body
    if not isinstance(body, For):
        yield text(name)
        return
    for item in strings(body.source, file):
        yield _filled(name, body.item, item)


def _filled(value: Expression | None, variable: str, item: str) -> str | None:
    match value:
        case Name(name) if name == variable:
            return item
        case Interpolation(parts):
            texts = [part if isinstance(part, str) else _filled(part, variable, item) for part in parts]
            return None if None in texts else "".join(part or "" for part in texts)
        case _:
            return text(value)


def _placeholders(arguments: Mapping[str, Any]) -> list[str]:
    return _PLACEHOLDER.findall(json.dumps(arguments))


def _references(file: File) -> Iterator[tuple[int, str]]:
    """Names of secrets in references to the vault, with their lines."""
    for value in (*file.values(), *file.defaults()):
        for node in walk(value):
            parts = node.parts if isinstance(node, Interpolation) else (text(node) or "",)
            whole = "".join(part if isinstance(part, str) else _word(part) for part in parts)
            for name in _SECRET.findall(whole):
                yield node.line, name


def _word(part: Expression) -> str:
    """What an interpolated expression stands for in a secret's address: `secretsUri` ends with `secrets/`."""
    return "secrets/" if isinstance(part, Name) and part.name == "secretsUri" else ""


def _number(value: Expression | None) -> int:
    if isinstance(value, Operation) and value.operator == "-" and len(value.operands) == 1:
        return -_number(value.operands[0])
    return value.value if isinstance(value, Literal) and isinstance(value.value, int) else 0


def _flag(value: Expression | None) -> bool:
    return isinstance(value, Literal) and value.value is True
