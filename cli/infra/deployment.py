"""What azd, the hooks and the documentation expect of `main.bicep`, and the ids of the roles that it assigns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cli.infra.findings import Finding
from cli.infra.project import read_azure
from cli.infra.syntax import File, Literal, objects, text
from emulators.functions_host.settings import SettingsError, read

ROLES: Final = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": "Storage Account Contributor",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "00000000-0000-0000-0000-000000000001": "Cosmos DB Built-in Data Reader",
    "00000000-0000-0000-0000-000000000002": "Cosmos DB Built-in Data Contributor",
}
"""Built-in roles by their ids: a mistyped id is found only when the assignment is made."""
HOSTS: Final = frozenset({"appservice", "containerapp", "function", "springapp", "staticwebapp", "aks", "ai.endpoint"})
LANGUAGES: Final = frozenset(
    {"csharp", "custom", "docker", "dotnet", "fsharp", "html", "java", "js", "py", "python", "swa", "ts"}
)
EVENTS: Final = frozenset(
    f"{when}{what}"
    for when in ("pre", "post")
    for what in (
        "provision", "deploy", "package", "publish", "restore", "build", "up", "down", "infracreate", "infradelete",
    )
)  # fmt: skip
OF_AZD: Final = frozenset(
    {
        "AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_PRINCIPAL_ID",
        "AZURE_CREDENTIALS", "AZURE_CLIENT_ID",
    }
)  # fmt: skip
"""Variables that azd or the pipeline sets, whatever `main.bicep` says."""
_GUID: Final = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_READ: Final = re.compile(r"\$\{?(AZURE_\w+|STUDIO_\w+)")
_ASKED: Final = re.compile(r"azd env get-value (\w+)")


def check(root: Path, files: Mapping[str, File]) -> Iterator[Finding]:
    """Every disagreement."""
    yield from _services(root, files)
    yield from _outputs(root, files["main.bicep"])
    yield from _roles(files)
    yield from _host(root)


def _host(root: Path) -> Iterator[Finding]:
    """host.json as the local host reads it, which refuses what the real one does."""
    try:
        settings = read(root)
    except SettingsError as error:
        yield Finding("app", "host.json", 1, str(error).replace(f"{root}/", ""))
        return
    for name in settings.unread:
        yield Finding("app", "host.json", 1, f"{name} is misspelled, or nothing here reads it")
    if not settings.has_bundle:
        yield Finding("app", "host.json", 1, "without extensionBundle no queue and no blob trigger starts")


def _services(root: Path, files: Mapping[str, File]) -> Iterator[Finding]:
    """azd finds what it deploys to by the tag `azd-service-name`."""
    azure = read_azure(root)
    tagged: dict[str, str] = {}
    for path, node in objects(files):
        if (name := text(node.get("azd-service-name"))) is not None:
            tagged[name] = path
    services: dict[str, dict[str, Any]] = azure["services"]
    for name, service in services.items():
        if name not in tagged:
            yield Finding("app", "azure.yaml", 1, f"service {name}: no resource is tagged azd-service-name: {name}")
        if service["host"] not in HOSTS:
            yield Finding("app", "azure.yaml", 1, f"service {name}: azd has no host {service['host']}")
        if service["language"] not in LANGUAGES:
            yield Finding("app", "azure.yaml", 1, f"service {name}: azd has no language {service['language']}")
        yield from _events(service.get("hooks", {}), f"service {name}: ")
        if service["host"] == "containerapp" and "AZURE_CONTAINER_REGISTRY_ENDPOINT" not in files["main.bicep"].outputs:
            message = f"service {name}: azd needs the output AZURE_CONTAINER_REGISTRY_ENDPOINT"
            yield Finding("app", "main.bicep", 1, message)
    for name in sorted(tagged.keys() - services.keys()):
        yield Finding("app", tagged[name], 1, f"azd-service-name: azure.yaml has no service {name}")
    yield from _events(azure.get("hooks", {}), "")


def _events(hooks: Mapping[str, Any], where: str) -> Iterator[Finding]:
    for event in sorted(hooks.keys() - EVENTS):
        yield Finding("app", "azure.yaml", 1, f"{where}azd knows no event {event}: the hook would never run")


def _outputs(root: Path, main: File) -> Iterator[Finding]:
    """Outputs become variables of the environment: hooks read them, and the documentation asks for them."""
    known = {*main.outputs, *OF_AZD}
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    for path, pattern in (
        *((path, _READ) for path in sorted((root / "infra/hooks").glob("*.sh"))),
        *((path, _ASKED) for path in pages if path.is_file()),
    ):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in pattern.findall(line):
                if name not in known:
                    message = f"main.bicep has no output {name}"
                    yield Finding("app", str(path.relative_to(root)), number, message)


def _roles(files: Mapping[str, File]) -> Iterator[Finding]:
    for path, file in files.items():
        for node in file.nodes():
            id = text(node) if isinstance(node, Literal) else None
            if id is not None and _GUID.match(id) and id.lower() not in ROLES:
                message = f"{id} is no built-in role that is known here (cli/infra/deployment.py)"
                yield Finding("app", path, node.line, message)
