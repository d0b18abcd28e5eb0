"""Whether a component's scripts name the docker command, whatever they do with it; pure.

A quick look at the text, not a reading of the script: docker_calls.py does that. Called where it
matters that containers may come.
"""

from __future__ import annotations

import re

from greendock.recipe.model import Steps

_COMMAND = re.compile(r"(?<![\w./-])docker(?:-compose)?(?![\w./-])")


def names_docker(steps: Steps) -> bool:
    """Whether a step that starts something names the docker command."""
    found = (steps.install, steps.startup, steps.run)
    return any(step is not None and _COMMAND.search(step.script) for step in found)
