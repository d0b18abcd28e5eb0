"""Prints the requirements of dependency groups of pyproject.toml, one per line.

`scripts/bootstrap` hands them to pip: the pip of Debian 12 has no `--group` yet.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def requirements(groups: dict[str, list[Any]], name: str) -> Iterator[str]:
    """A group's own requirements and those of the groups it includes."""
    for item in groups[name]:
        if isinstance(item, str):
            yield item
        else:
            yield from requirements(groups, item["include-group"])


if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    wanted = [x for name in sys.argv[1:] for x in requirements(project["dependency-groups"], name)]
    sys.stdout.writelines(f"{line}\n" for line in dict.fromkeys(wanted))
