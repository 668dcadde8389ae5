"""The rule of deploy-time constants, on expressions of every form; the codes are those of the Bicep compiler."""

from __future__ import annotations

import re

import pytest

from cli.infra import constants
from cli.infra.bicep import parse
from cli.infra.lexer import BicepError

BASE = """
param given string
param many array = ['a', 'b']
param settings object = { kind: 'x' }
var early = '${given}-1'
var late = apps.properties.defaultDomain
var later = toUpper(late)
resource apps 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: 'apps'
  location: given
  properties: { domain: late }

  resource child 'certificates' = {
    name: 'child'
  }
}
resource other 'Microsoft.App/managedEnvironments@2024-03-01' existing = {
  name: 'other'
}
resource copies 'Microsoft.App/managedEnvironments@2024-03-01' = [
  for (one, at) in many: {
    name: '${one}${at}'
    location: given
  }
]
module part 'part.bicep' = {
  name: 'part'
  params: { domain: apps.properties.defaultDomain }
}
"""
ZONE = "resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = {{ name: {} }}\n"

KNOWN_AT_THE_START = (
    "'fixed'", "given", "early", "'${given}.example'", "toLower(given)", "apps.name", "apps.id", "apps.type",
    "apps.apiVersion", "other.name", "copies[0].name", "apps::child.name", "part.name", "uniqueString(apps.id, given)",
    "many[0]", "settings.kind", "settings.?kind ?? 'x'", "empty(given) ? 'a' : early", "first(map(many, x => x))",
    "subscription().subscriptionId", "resourceGroup().id", "environment().suffixes.storage", "apps['name']",
    "'apps.properties.defaultDomain'", "'a${ '${given}' }b'", "guid(other.id, 'x')",
    "reduce(many, '', (a, b) => '${a}${b}')",
)  # fmt: skip
KNOWN_LATER = (
    "apps.properties.defaultDomain", "'${apps.properties.defaultDomain}'", "toLower(apps.properties.staticIp)",
    "late", "later", "'x-${later}'", "apps.location", "apps.tags.a", "other.properties.x", "copies[0].properties.x",
    "copies[length(many) - 1].location", "apps::child.properties.thumbprint", "apps!.properties!.x",
    "apps.?properties.?x ?? 'y'",
    "apps['properties'].x", "empty(given) ? 'a' : apps.properties.x", "apps.listKeys().key",
    "listKeys(apps.id, '1').key",
    "reference(apps.id).x", "part.outputs.domain", "part.outputs['domain']", "string(apps)",
    "first(map(many, x => '${x}${apps.properties.x}'))", "'a${ '${apps.properties.x}' }b'",
    "union(settings, { a: late }).a",
    "(apps.properties).x", "!empty(apps.properties.x) ? 'a' : 'b'", "concat(['a'], [apps.properties.x])[0]",
)  # fmt: skip


def codes(source: str) -> list[str]:
    found = constants.check("main.bicep", parse(source))
    return [code for one in found for code in re.findall(r"BCP\d+", one.message)]


def test_the_base_itself_is_right() -> None:
    assert codes(BASE) == []


@pytest.mark.parametrize("name", KNOWN_AT_THE_START)
def test_what_is_known_at_the_start_may_name_a_resource(name: str) -> None:
    assert codes(BASE + ZONE.format(name)) == []


@pytest.mark.parametrize("name", KNOWN_LATER)
def test_what_is_known_later_may_not_name_a_resource(name: str) -> None:
    assert set(codes(BASE + ZONE.format(name))) == {"BCP120"}


ZONES = "resource z 'Microsoft.Network/privateDnsZones@2020-06-01'"
SITE = "resource z 'Microsoft.Web/sites@2024-04-01' ="
PLACES = {
    "name of a nested resource": (
        ZONES + " = {{\n name: 'z'\n resource a 'A' = {{ name: {} }}\n}}",
        "BCP120",
    ),
    "name of an existing resource": (ZONES + " existing = {{ name: {} }}", "BCP120"),
    "location": (SITE + " {{ name: 'z'\n location: {} }}", "BCP120"),
    "tags": (SITE + " {{ name: 'z'\n tags: {{ a: {} }} }}", "BCP120"),
    "sku": (SITE + " {{ name: 'z'\n sku: {{ name: {} }} }}", "BCP120"),
    "identity": (
        SITE + " {{ name: 'z'\n identity: {{ type: 'UserAssigned'\n"
        " userAssignedIdentities: {{ '${{{}}}': {{}} }} }} }}",
        "BCP120",
    ),
    "scope of a resource": (SITE + " {{ name: 'z'\n scope: resourceGroup({}) }}", "BCP120"),
    "scope of a module": ("module z 'z.bicep' = {{ name: 'z'\n scope: resourceGroup({}) }}", "BCP120"),
    "name of a module": ("module z 'z.bicep' = {{ name: {} }}", "BCP120"),
    "condition of a resource": (SITE + " if (!empty({})) {{ name: 'z' }}", "BCP177"),
    "condition of a module": ("module z 'z.bicep' = if ({} == 'a') {{ name: 'z' }}", "BCP177"),
    "loop of a resource": (SITE + " [for x in split({}, ','): {{ name: x }}]", "BCP178"),
    "condition in a loop": (
        SITE + " [for x in many: if ({} == x) {{ name: x }}]", "BCP177",
    ),
    "loop of a module": ("module z 'z.bicep' = [for x in split({}, ','): {{ name: x }}]", "BCP178"),
    "loop in a property": (
        SITE + " {{ name: 'z'\n properties: {{ a: [for x in split({}, ','): x] }} }}", "BCP178",
    ),
    "loop of an output": ("output z array = [for x in split({}, ','): x]", "BCP178"),
    "loop of a variable": ("var z = [for x in many: '${{x}}${{{}}}']", "BCP182"),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_place_that_needs_a_constant_is_checked(place: str) -> None:
    text, code = PLACES[place]
    assert codes(BASE + text.format("early")) == []
    assert codes(BASE + text.format("apps.properties.defaultDomain")) == [code]


RIGHT_PLACES = (
    "resource z 'Microsoft.Web/sites@2024-04-01' = { name: 'z'\n properties: { a: apps.properties.defaultDomain } }",
    "module z 'z.bicep' = { name: 'z'\n params: { a: late } }",
    "output z string = apps.properties.defaultDomain",
    "resource z 'Microsoft.App/managedEnvironments/certificates@2024-03-01' = { parent: apps\n name: 'z' }",
    "resource z 'Microsoft.Authorization/roleAssignments@2022-04-01' = { scope: apps\n name: guid(apps.id) }",
    "module z 'z.bicep' = { scope: resourceGroup('other')\n name: 'z' }",
)


@pytest.mark.parametrize("text", RIGHT_PLACES)
def test_values_that_may_be_known_later_are_left_alone(text: str) -> None:
    assert codes(BASE + text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("param z string = apps.name", "BCP072"),
        ("param z string = early", "BCP072"),
        ("output z string = unknown.name", "BCP057"),
        ("output z array = map(many, x => y)", "BCP057"),
        ("output z array = [for x in many: at]", "BCP057"),
    ],
)
def test_defaults_and_names_are_checked(text: str, code: str) -> None:
    assert codes(BASE + text) == [code]


@pytest.mark.parametrize(
    "text",
    [
        "param",
        "resource x",
        "var x = 'a",
        "var x = {a 1}",
        "var x = [1",
        "whatever x = 1",
        "var x = 1 2",
        "var x = '${a'",
    ],
)
def test_what_is_not_bicep_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(BicepError, match=r"line \d+"):
        parse(text)
