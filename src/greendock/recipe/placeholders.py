"""Finds what the Greengrass documents write for the reader to replace. Pure; used by the checks.

`DOC-EXAMPLE-BUCKET` is left alone: it is a valid bucket name, and a local copy of the artifact
makes such a recipe deployable as printed.
"""

from __future__ import annotations

import re

_TAG_OR_DIGEST = re.compile(r"\[:tag(?:\\?\|@digest)?\]|\[@digest\]")
_ACCOUNT = re.compile(
    r"(?<![\w.-])(?:account-id|account_id|accountid|aws_account_id)(?=\.dkr[.-]ecr)", re.I | re.A
)
_REGION = re.compile(r"(?<=\.dkr[.-]ecr\.)(?:aws-region|aws_region|region)(?=\.)", re.I | re.A)

_FILLED = ((_TAG_OR_DIGEST, ":1.0.0"), (_ACCOUNT, "123456789012"), (_REGION, "us-east-1"))


def find_placeholders(text: str) -> tuple[str, ...]:
    """The placeholders in `text`, as written."""
    return tuple(match.group() for pattern, _ in _FILLED for match in pattern.finditer(text))


def joined(placeholders: tuple[str, ...]) -> str:
    """How a message names them: `the placeholder A`, `the placeholders A, B`."""
    names = list(dict.fromkeys(placeholders))
    return f"the placeholder{'s' if len(names) > 1 else ''} {', '.join(names)}"


def filled_example(text: str) -> str:
    """`text` with an example in the place of each placeholder."""
    for pattern, example in _FILLED:
        text = pattern.sub(example, text)
    return text


def shell_placeholders(script: str) -> tuple[str, ...]:
    """The placeholders of a script, its comment lines left out."""
    if "[" not in script and "dkr" not in script.lower():
        return ()
    lines = (line for line in script.splitlines() if not line.lstrip().startswith("#"))
    return find_placeholders("\n".join(lines))
