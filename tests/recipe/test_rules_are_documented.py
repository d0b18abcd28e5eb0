"""Every rule id of the check stands in the reference page, and none that doesn't exist."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SOURCES = [
    *(PROJECT / "src/greendock/recipe").glob("*.py"),
    PROJECT / "src/greendock/cli/commands/lint.py",
    PROJECT / "src/greendock/cli/image_findings.py",
]


def test_the_reference_lists_the_rules_of_the_code():
    page = (PROJECT / "docs/reference/recipe.md").read_text()
    listed = set(re.findall(r"`([a-z0-9-]+)`", page.partition("## Rules of the check")[2]))
    words = set()
    for source in SOURCES:
        words |= set(re.findall(r'"([a-z]+[a-z0-9-]*)"', source.read_text()))
    assert listed <= words
    hyphenated = {word for word in words if "-" in word and not word.endswith("-")}
    formats = {"utf-8-sig", "sha3-", "account-id", "us-east-1"}
    assert hyphenated - formats <= listed
