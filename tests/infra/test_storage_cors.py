"""Pages meet one rule at Blob Storage: that of the emulator is that of the deployed account."""

from __future__ import annotations

import re

from emulators import azurite
from emulators.stack import ROOT


def test_the_rule_of_the_deployed_account_is_that_of_the_emulator() -> None:
    bicep = (ROOT / "infra/app/storage.bicep").read_text()
    rule = re.search(r"corsRules: \[\s*\{(.*?)\}", bicep, re.DOTALL)
    assert rule is not None
    lists = {name: re.findall(r"'([^']+)'", items) for name, items in re.findall(r"(\w+): \[([^]]*)\]", rule[1])}
    assert lists == {
        "allowedMethods": azurite.CORS_METHODS,
        "allowedHeaders": azurite.CORS_HEADERS,
        "exposedHeaders": azurite.CORS_EXPOSED,
    }
    assert f"maxAgeInSeconds: {azurite.CORS_MAX_AGE_S}" in rule[1]
    assert "allowedOrigins: pageOrigins" in rule[1]


def test_the_rule_has_no_more_prefixes_than_storage_takes() -> None:
    for headers in (azurite.CORS_HEADERS, azurite.CORS_EXPOSED):
        assert sum(header.endswith("*") for header in headers) <= 2
