"""`./studio doctor --infra`: nothing is wrong with this checkout, and a planted mistake of every kind is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from planted import ROOT, copy, planted
from studio_command import studio

from cli.infra import types
from cli.infra.check import check
from cli.infra.findings import Finding, Kind

pytestmark = pytest.mark.processes

DATA = types.find_data(ROOT)


def findings(folder: Path, kind: Kind) -> list[Finding]:
    """What is found of one kind."""
    return [one for result in check(folder, DATA, only=kind) for one in result.findings]


def test_the_command_finds_nothing_and_says_so() -> None:
    done = studio("doctor", "--infra", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["findings"]) == (0, True, [])
    checks = {one["name"]: one for one in found["checks"]}
    assert set(checks) == {"syntax", "constants", "types", "parameters", "app"}
    assert checks["types"]["skipped"] is (DATA is None)
    assert not [name for name, one in checks.items() if name != "types" and one["skipped"]]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for all tests of the file: mistakes leave it again."""
    return copy(tmp_path_factory.mktemp("checkout"))


def test_absent_type_descriptions_are_reported_as_skipped(checkout: Path) -> None:
    (result,) = [one for one in check(checkout, only="types") if one.kind == "types"]
    assert result.skipped
    assert "bicep-types-az" in result.skipped
    assert not result.findings


PLANTED: dict[Kind, list[tuple[str, str, str]]] = {
    "syntax": [
        ("infra/main.bicep", "param location string", "param location string ="),
        ("infra/app/vto.bicep", "profile == 'a100'", "profile == 'a100"),
        ("infra/app/push.bicep", "output name string = push.name", "output name string = push.name }"),
    ],
    "constants": [
        ("infra/app/vto.bicep", "  name: environmentName\n", "  name: registry.properties.loginServer\n"),
        ("infra/app/vto.bicep", "if (!empty(deployerId))", "if (!empty(registry.properties.loginServer))"),
        ("infra/app/zone.bicep", "name: name\n", "name: unknown\n"),
        ("infra/main.bicep", "name: 'events'", "name: storage.outputs.name"),
        ("infra/app/rbac.bicep", "for role in storageRoles", "for role in storage.properties.roles"),
        ("infra/app/api.bicep", "  name: planName", "  name: api.properties.serverFarmId"),
    ],
    "parameters": [
        ("infra/main.bicep", "    appUrl: appUrl\n", ""),
        ("infra/main.bicep", "    appUrl: appUrl\n", "    appUrl: appUrl\n    appUri: appUrl\n"),
        ("infra/main.bicep", "storage.outputs.deploymentContainer", "storage.outputs.container"),
        ("infra/main.bicep", "    paypal: !empty(paypalClientSecret)", "    paypal: 'yes'"),
        ("infra/main.bicep", "    tier: pushTier", "    tier: 'Premium_P1'"),
        ("infra/app/vault.bicep", "@secure()\nparam geminiApiKey", "param geminiApiKey"),
        ("infra/main.parameters.json", '"vtoToken": { "value": "${VTO_TOKEN}" },', ""),
        ("infra/hooks/prepare.sh", "|| make VTO_TOKEN", "|| make VTO_SECRET"),
        ("infra/main.parameters.json", '"appUrl"', '"appUrls"'),
        ("infra/main.bicep", "param jwtKeys object", "param jwtKeys string"),
        ("docs/deploy.md", "azd env set APP_URL https://staging", "azd env set APP_URL 'C:\\new'\n# https://"),
        ("docs/deploy.md", "azd env set VTO_PROFILE a100", "azd env set VTO_PROFILE h200"),
    ],
    "app": [
        ("infra/app/storage.bicep", "'thumbnails', ", ""),
        ("infra/app/storage.bicep", "'thumbnails'", "'thumbnail'"),
        ("infra/app/storage.bicep", "'${queue}-poison'", "'${queue}-dead'"),
        ("infra/app/documents.bicep", "partitionKey: '/userId', ttl: -1", "partitionKey: '/id', ttl: -1"),
        ("infra/app/documents.bicep", "ttl: 86400", "ttl: 8640"),
        ("infra/app/documents.bicep", ", { path: '/\"_write\"/?' }", ""),
        ("infra/app/api.bicep", "  APP_URL: appUrl\n", "  APP_URI: appUrl\n"),
        ("infra/app/api.bicep", "  SWEEP_SCHEDULE: '", "  SWEEPER_SCHEDULE: '"),
        ("infra/app/api.bicep", "  SWEEP_SCHEDULE: '0 ", "  SWEEP_SCHEDULE: '"),
        ("infra/app/api.bicep", "  ENVIRONMENT: 'production'", "  FUNCTIONS_WORKER_RUNTIME: 'python'"),
        ("infra/app/api.bicep", "secrets/vto-token", "secrets/vto_token"),
        ("infra/app/vault.bicep", "name: 'gemini-api-key'", "name: 'gemini'"),
        ("infra/app/vault.bicep", "name: 'twilio-auth-token'", "name: 'twilio'"),
        *(("infra/app/api.bicep", f"  {name}: ", f"  // {name}: ") for name in (
            "APP_URL", "COSMOS_ENDPOINT", "DOCUMENTS", "JWT_KEYS",
            "Storage__blobServiceUri", "Storage__queueServiceUri",
            "TRYON_ENGINES", "VTO_TOKEN", "VTO_URL", "WEBPUBSUB_CONNECTION",
        )),
        ("infra/app/api.bicep", "  DOCUMENTS: 'cosmos'", "  DOCUMENTS: 'cosmos'\n  COSMOS_VERIFY_TLS: 'perhaps'"),
        ("infra/app/vto.bicep", "  { name: 'VTO_TOKEN'", "  // { name: 'VTO_TOKEN'"),
        ("infra/app/vto.bicep", "'VTO_GRACE_S', value: '50'", "'VTO_GRACE_S', value: 'long'"),
        ("infra/app/vto.bicep", "secretRef: 'vto-token'", "secretRef: 'token'"),
        ("infra/app/vto.bicep", "{ name: 'MODELS_DIR'", "{ name: 'MODEL_DIR'"),
        ("infra/app/vto.bicep", "  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'", "  // {"),
        ("infra/app/api.bicep", "  APPLICATIONINSIGHTS_AUTHENTICATION_STRING:", "  AZURE_CLIENT_ID:"),
        ("infra/app/alerts.bicep", "skipQueryValidation: true", "skipQueryValidation: false"),
        ("infra/app/alerts.bicep", "      skipQueryValidation: true\n", ""),
        ("azure.yaml", "      remoteBuild: true\n", ""),
        ("azure.yaml", "path: vto_container/Dockerfile", "path: vto_container/Dockerfile.gpu"),
        ("azure.yaml", "infra/hooks/models.sh", "infra/hooks/model.sh"),
        ("azure.yaml", "    - ALERT_EMAIL\n", ""),
        ("azure.yaml", "../infra/hooks/page.sh", "infra/hooks/page.sh"),
        ("azure.yaml", "    dist: dist\n", ""),
        ("web/package.json", '"build"', '"make"'),
        (".github/workflows/deploy.yml", "      JWT_KEYS: ${{ secrets.JWT_KEYS }}\n", ""),
        (".github/workflows/deploy.yml", "      JWT_KEYS: ${{ secrets.", "      JWT_KEYS: ${{ vars."),
        (".github/workflows/deploy.yml", "      id-token: write\n", ""),
        ("vto_container/Dockerfile", "USER 10001", "ADD https://example.com/x.tar.gz /tmp/\nUSER 10001"),
        ("vto_container/Dockerfile", "--no-cache-dir", "--no-cache-dir --no-compile"),
        ("vto_container/Dockerfile.cuda", "@7c0f10af3f91ad4048fe9729c470a13ef905d25a", "@main"),
        ("vto_container/Dockerfile.cuda", "RUN python -m compileall", "RUN true"),
        ("vto_container/Dockerfile.cuda", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"),
    ],
    "types": [
        ("infra/app/api.bicep", "httpsOnly: true", "httpOnly: true"),
        ("infra/app/api.bicep", "httpsOnly: true", "HttpsOnly: true"),
        ("infra/app/api.bicep", "serverFarmId: plan.id", "state: 'Running'"),
        ("infra/app/api.bicep", "Microsoft.Web/sites@2024-04-01", "Microsoft.Web/sites@2024-04-02"),
        ("infra/app/api.bicep", "Microsoft.Web/serverfarms@", "Microsoft.Web/serverfarm@"),
        ("infra/app/api.bicep", "instanceMemoryMB: 2048", "instanceMemoryMB: '2048'"),
        ("infra/app/api.bicep", "type: 'UserAssignedIdentity'", "type: 'Identity'"),
        ("infra/app/storage.bicep", "allowBlobPublicAccess: false", "allowBlobPublicAccess: 'no'"),
        ("infra/app/storage.bicep", "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: { min: 'TLS1_2' }"),
        ("infra/app/documents.bicep", "databaseAccountOfferType: 'Standard'", "databaseAccountOfferType: 'Basic'"),
        ("infra/app/documents.bicep", "    databaseAccountOfferType: 'Standard'\n", ""),
        ("infra/app/documents.bicep", "kind: 'Hash' }\n        defaultTtl", "kind: 'Hashed' }\n        defaultTtl"),
        ("infra/app/vault.bicep", "sku: { family: 'A', name: 'standard' }", "sku: { name: 'standard' }"),
        ("infra/app/zone.bicep", "aRecords: [{", "aRecords: [1, {"),
        ("infra/app/vto.bicep", "{ type: 'Startup'", "{ type: 'Boot'"),
        ("infra/app/vto.bicep", "targetPort: 8080", "targetPort: '8080'"),
        ("infra/app/identity.bicep", "  tags: tags\n", "  tags: tags\n  properties: { clientId: 'x' }\n"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "number"), [(kind, n) for kind, all in PLANTED.items() for n in range(len(all))])
def test_a_planted_mistake_is_found(kind: Kind, number: int, checkout: Path) -> None:
    if kind == "types" and DATA is None:
        pytest.skip("the type descriptions are not here")
    with planted(checkout, *PLANTED[kind][number]):
        found = findings(checkout, kind)
    assert found
    assert all(one.message and one.file and one.kind == kind for one in found)
