"""Words that code, messages and documentation no longer use; docs/glossary.md has the terms instead."""

from __future__ import annotations

import re
from typing import Final

RETIRED: Final = re.compile(
    r"(?<![a-z])(anew|anybody|lest|mend(?:ed|ing|s)?|nobody|one's|oneself|somebody|thither|told|wherein|whoever"
    r"|wish(?:ed|es)?)(?![a-z])",
    re.IGNORECASE,
)
