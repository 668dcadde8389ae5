"""`azure.yaml`, its hooks, and the images: what azd and the registry's builder do with them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from cli.infra.findings import Finding
from cli.infra.parameters import RECORDER

_ADD: Final = re.compile(r"^ADD\s+((?:--\S+\s+)*)(https?://\S+|git@\S+)", re.MULTILINE)
_PIP_URL: Final = re.compile(r"pip install(?:[^\n\\]|\\\n)*?(https?://[^\s\"']+)")
HOOK_SETS: Final = re.compile(r"azd env set (\w+)")


def read_azure(root: Path) -> dict[str, Any]:
    """What `azure.yaml` of a checkout says."""
    import yaml

    return cast("dict[str, Any]", yaml.safe_load((root / "azure.yaml").read_text()))


def check(root: Path) -> list[Finding]:
    """Every mistake in `azure.yaml`, its hooks and the Dockerfiles of the try-on container."""
    images = [
        finding
        for path in sorted((root / "vto_container").glob("Dockerfile*"))
        if path.suffix != ".dockerignore"
        for finding in image(str(path.relative_to(root)), path.read_text())
    ]
    return [*_services(root), *_hooks(root), *images, *_pipeline(root)]


WORKFLOW: Final = ".github/workflows/deploy.yml"
_FROM_AZD: Final = re.compile(r"^(AZURE_PRINCIPAL_ID|SERVICE_\w+_IMAGE_NAME)$")


def _pipeline(root: Path) -> Iterator[Finding]:
    """What the parameters need has to be passed by the pipeline: nothing is stored there from run to run."""
    from cli.infra.azd import variables

    given: dict[str, dict[str, Any]] = json.loads((root / "infra/main.parameters.json").read_text())["parameters"]
    wanted = {name for one in given.values() for name in variables(one) if not _FROM_AZD.match(name)}
    pipeline = read_azure(root).get("pipeline", {})
    named = {*pipeline.get("variables", ()), *pipeline.get("secrets", ())}
    for name in sorted(wanted - named - {"AZURE_ENV_NAME", "AZURE_LOCATION"}):
        yield Finding(
            "app", "azure.yaml", 1, f"pipeline: {name} is not named, so azd pipeline config does not store it"
        )
    path = root / WORKFLOW
    workflow = path.read_text() if path.is_file() else ""
    for name in sorted(wanted):
        kind = "secrets" if name in pipeline.get("secrets", ()) else "vars"
        if f"{name}: ${{{{ {kind}.{name}" not in workflow:
            yield Finding("app", WORKFLOW, 1, f"{name} is not passed to azd: add {name}: ${{{{ {kind}.{name} }}}}")
    for needed in ("id-token: write", "--federated-credential-provider github"):
        if needed not in workflow:
            yield Finding("app", WORKFLOW, 1, f"{needed!r} is missing: the deployment has no federated credentials")


def _services(root: Path) -> Iterator[Finding]:
    for name, service in read_azure(root)["services"].items():
        docker = service.get("docker")
        if service["host"] == "staticwebapp":
            yield from _page(root, name, service)
        if service["language"] != "docker":
            continue
        if not docker.get("remoteBuild"):
            yield Finding("app", "azure.yaml", 1, f"service {name}: without docker.remoteBuild azd needs Docker")
        context = root / service.get("project", ".") / docker.get("context", ".")
        path = root / service.get("project", ".") / docker["path"]
        if not path.is_file():
            yield Finding("app", "azure.yaml", 1, f"service {name}: {docker['path']} does not exist")
            continue
        if not context.is_dir():
            yield Finding("app", "azure.yaml", 1, f"service {name}: the context {docker['context']} does not exist")


def _page(root: Path, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    """azd runs `npm run build` where the page's package.json is, and deploys `dist`."""
    folder = root / service["project"]
    package = folder / "package.json"
    if not package.is_file() or "build" not in json.loads(package.read_text()).get("scripts", {}):
        yield Finding(
            "app", "azure.yaml", 1, f"service {name}: {service['project']}/package.json has no script `build`"
        )
    if not service.get("dist"):
        yield Finding("app", "azure.yaml", 1, f"service {name}: without dist azd deploys the sources")


def image(name: str, text: str) -> Iterator[Finding]:
    """What a Dockerfile downloads without checking it, and whether its Python code is compiled."""
    for found in _ADD.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if "--checksum=sha256:" not in found[1]:
            yield Finding("app", name, line, f"{found[2]} is added without --checksum=sha256:")
    for found in _PIP_URL.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if "#sha256=" not in found[1] and not re.search(r"@[0-9a-f]{40}\b", found[1]):
            yield Finding("app", name, line, f"{found[1]} is installed without #sha256= and without a commit")
    for word, why in (
        ("--no-compile", "every cold start compiles the packages"),
        ("PYTHONDONTWRITEBYTECODE", "nothing that is compiled is kept"),
    ):
        if word in text:
            yield Finding("app", name, text[: text.index(word)].count("\n") + 1, f"{word}: {why}")
    if "compileall" not in text:
        yield Finding("app", name, 1, "the code is not compiled (python -m compileall): every cold start does it")


def _scripts(root: Path) -> dict[str, Path]:
    azure = read_azure(root)
    ours = {event: root / hook["run"] for event, hook in azure.get("hooks", {}).items()}
    for name, service in azure["services"].items():
        # The hooks of a service run in its folder.
        folder = root / service.get("project", ".")
        ours.update({f"{name}.{event}": folder / hook["run"] for event, hook in service.get("hooks", {}).items()})
    return ours


def _hooks(root: Path) -> Iterator[Finding]:
    for event, path in _scripts(root).items():
        if not path.is_file():
            yield Finding("app", "azure.yaml", 1, f"hook {event}: {path.name} does not exist")
        elif not os.access(path, os.X_OK):
            yield Finding("app", "azure.yaml", 1, f"hook {event}: {path.name} is not executable")


def made_by_hooks(root: Path) -> dict[str, str]:
    """What the hook before provisioning stores in a new environment, run with a recorder in place of azd."""
    path = _scripts(root).get("preprovision")
    if path is None or not path.is_file():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        recorder, record = Path(folder) / "azd", Path(folder) / "record"
        recorder.write_text(RECORDER)
        recorder.chmod(0o755)
        nothing = Path(folder) / "az"  # there is nothing in Azure yet
        nothing.write_text("#!/bin/sh\n")
        nothing.chmod(0o755)
        record.touch()
        kept = {name: value for name, value in os.environ.items() if name not in _names(path) and name != "CI"}
        environment = {**kept, "PATH": f"{folder}:{os.environ['PATH']}", "AZD_RECORD": str(record)}
        subprocess.run(["sh", str(path)], env=environment, check=False, capture_output=True, cwd=root)
        words = record.read_text().split("\0")[:-1]
    return dict(zip(words[::2], words[1::2], strict=True))


def _names(path: Path) -> set[str]:
    return set(HOOK_SETS.findall(path.read_text()))
