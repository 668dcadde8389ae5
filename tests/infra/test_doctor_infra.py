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
        ("infra/main.bicep", "param cdn string", "param smsSender string"),
        ("infra/main.bicep", "output AZURE_COSMOS_NAME", "output AZURE_STORAGE_NAME"),
    ],
    "constants": [
        ("infra/app/vto.bicep", "  name: environmentName\n", "  name: registry.properties.loginServer\n"),
        ("infra/app/vto.bicep", "if (!empty(deployerId))", "if (!empty(registry.properties.loginServer))"),
        ("infra/app/zone.bicep", "name: name\n", "name: unknown\n"),
        ("infra/main.bicep", "name: 'events'", "name: storage.outputs.name"),
        ("infra/app/rbac.bicep", "for role in storageRoles", "for role in storage.properties.roles"),
        ("infra/app/api.bicep", "  name: planName", "  name: api.properties.serverFarmId"),
        ("infra/main.bicep", "  name: 'identity'\n  scope: group\n", "  name: 'identity'\n"),
        ("infra/main.bicep", "'app/cdn.bicep' = {", "'app/cdn.bicep' = if (!empty(api.outputs.url)) {"),
        ("infra/main.bicep", "toLower(uniqueString", "toLowr(uniqueString"),
        ("infra/main.bicep", "'azd-env-name': environmentName", "'azd-env-name': utcNow()"),
        ("infra/main.bicep", "./abbreviations.json", "./abbreviation.json"),
        ("infra/main.bicep", "abbreviations.keyVaultVaults", "abbreviations.keyVault"),
        ("infra/main.bicep", "    vtoToken: vtoToken\n", "    vtoToken: api.outputs.url\n"),
        ("infra/main.bicep", "dependsOn: [rbac]", "dependsOn: [rbac, missing]"),
        ("infra/app/vto.bicep", "var onGpu = profile == 'a100'", "var onGpu = onGpu == 'a100'"),
        ("infra/app/vto.bicep", "      internal: true", "      internal: app.properties.x"),
        ("infra/app/api.bicep", "    httpsOnly: true\n", "    httpsOnly: true\n    httpsOnly: false\n"),
    ],
    "parameters": [
        ("infra/main.bicep", "    appUrl: appUrl\n", ""),
        ("infra/main.bicep", "    appUrl: appUrl\n", "    appUrl: appUrl\n    appUri: appUrl\n"),
        ("infra/main.bicep", "storage.outputs.deploymentContainer", "storage.outputs.container"),
        ("infra/app/vto.bicep", "resource registry '",
         "resource other 'Microsoft.Network/privateDnsZones@2020-06-01' = {\n  name: 'x'\n"
         "  resource record 'A' = {\n    name: zone.outputs.address\n  }\n}\nresource registry '"),
        ("infra/main.bicep", "    paypal: !empty(paypalClientSecret)", "    paypal: 'yes'"),
        ("infra/main.bicep", "    tier: pushTier", "    tier: 'Premium_P1'"),
        ("infra/app/vault.bicep", "@secure()\nparam geminiApiKey", "param geminiApiKey"),
        ("infra/main.parameters.json", '"vtoToken": { "value": "${VTO_TOKEN}" },', ""),
        ("infra/hooks/prepare.sh", "|| make VTO_TOKEN", "|| make VTO_SECRET"),
        ("infra/main.parameters.json", '"appUrl"', '"appUrls"'),
        ("infra/main.bicep", "param jwtKeys object", "param jwtKeys string"),
        ("docs/deploy.md", "azd env set APP_URL https://staging", "azd env set APP_URL 'C:\\new'\n# https://"),
        ("docs/deploy.md", "azd env set VTO_PROFILE a100", "azd env set VTO_PROFILE h200"),
        ("docs/deploy.md", "azd env set CDN frontdoor", "azd env set CDN frontdoor\nazd env set APP_URL 'x\"y'"),
        ("infra/main.parameters.json", "${APP_URL}", "${APP_URL,,}"),
        ("infra/main.parameters.json", "${VTO_TOKEN}", "$(VTO_TOKEN)"),
        ("infra/main.parameters.json", '"${JWT_KEYS}"', '{ "k1": "${JWT_KEYS}" }'),
        ("infra/main.parameters.json", "${CDN=none}", "${CDN=nothing}"),
        ("infra/main.bicep", "@minLength(1)\n@maxLength(40)", "@minLength(5)\n@maxLength(40)"),
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
        ("infra/app/alerts.bicep", '"sweep.failed"', '"sweep.fails"'),
        ("infra/app/api.bicep", "'0 */2 * * * *'", "'0 */2 * * * 7'"),
        ("infra/app/api.bicep", "version: '3.13'", "version: '3.12'"),
        ("infra/app/api.bicep", "    siteConfig: {\n", "    siteConfig: {\n      cors: { allowedOrigins: ['*'] }\n"),
        ("infra/app/api.bicep", "  Storage__credential: 'managedidentity'\n", ""),
        ("infra/app/api.bicep", "  AzureWebJobsStorage__clientId: identityClientId\n", ""),
        ("infra/app/storage.bicep", "prefixMatch: ['uploads/']", "prefixMatch: ['upload/']"),
        ("infra/app/vto.bicep", "targetPort: 8080", "targetPort: 8000"),
        ("infra/app/rbac.bicep", "'b7e6dc6d", "'b7e6dc6e"),
        ("infra/main.bicep", "output AZURE_EVENTS_TOPIC", "output AZURE_EVENT_TOPIC"),
        ("infra/main.bicep", "output AZURE_COSMOS_ENDPOINT", "output COSMOS_ENDPOINT"),
        ("infra/main.bicep", "output AZURE_CONTAINER_REGISTRY_ENDPOINT", "output REGISTRY_ENDPOINT"),
        ("host.json", '"version": "2.0"', '"version": "3.0"'),
        ("host.json", '"batchSize": 8', '"batchSize": 64'),
        ("host.json", '"visibilityTimeout": "00:00:30"', '"visibilityTimeout": 30'),
        ("host.json", '"maxPollingInterval"', '"maxPollInterval"'),
        ("host.json", '"extensionBundle"', '"extensionBundles"'),
        ("host.json", '"OpenTelemetry"', '"OpenTelemetri"'),
        ("host.json", '"default": "Information"', '"default": "Info"'),
        ("host.json", '"logLevel"', '"logLevels"'),
        ("infra/main.bicep", "output VTO_PROFILE string = vtoProfile",
         "output VTO_PROFILE string = '${vault.outputs.uri}secrets/vto_token'"),
        ("infra/main.bicep", "param alertEmail string = ''",
         "param alertEmail string = 'https://x.vault.azure.net/secrets/alert'"),
        ("azure.yaml", "  vto:\n    project", "  tryon:\n    project"),
        ("azure.yaml", "host: function\n", "host: functions\n"),
        ("azure.yaml", "language: python", "language: pythn"),
        ("azure.yaml", "  postdeploy:", "  postdeployment:"),
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
        ("infra/app/vault.bicep", "vault.properties.vaultUri", "vault.properties.vaultUrl"),
        ("infra/app/vault.bicep", "push.listKeys().primaryConnectionString", "push.listKeys().connectionString"),
        ("infra/app/vto.bicep", "apps.properties.staticIp", "apps.properties.staticIP"),
        ("infra/app/network.bicep", "subnets[1].id", "subnets[1].ids"),
        ("infra/app/storage.bicep", "primaryEndpoints.blob}", "primaryEndpoints['blobs']}"),
        ("infra/abbreviations.json", '"st"', '"st-"'),
        ("infra/abbreviations.json", '"kv-"', '"keyvault-studio-"'),
        ("infra/main.bicep", "resource group '", "resource other 'Microsoft.Network/privateDnsZones@2020-06-01' = {\n"
         "  name: 'x'\n  location: 'global'\n}\nresource group '"),
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
