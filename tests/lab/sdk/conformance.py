"""Proves the IPC of a core with the official SDK: every operation and its errors, by V1 and V2.

Argument: which cases (`allowed`, `denied`, `system`). Prints one JSON object per line,
`{"case", "client", "failure"}`, and `{"done": N}` at the end. Runs where only the SDK is there.
"""

from __future__ import annotations

import json
import sys
import traceback

import cases_components
import cases_configuration
import cases_lifecycle
import cases_messages
import cases_refused
import cases_stores
from caller import V1, V2
from checks import CASES

FAMILIES = (
    cases_components,
    cases_configuration,
    cases_lifecycle,
    cases_messages,
    cases_refused,
    cases_stores,
)


def main(group: str) -> None:
    count = 0
    for make in (V1, V2):
        client = make()
        for each in CASES:
            if each.group != group:
                continue
            failure = None
            try:
                each.run(client)
            except Exception:
                failure = traceback.format_exc()
            row = {"case": each.run.__name__, "client": make.name, "failure": failure}
            print(json.dumps(row), flush=True)
            count += 1
        client.close()
    print(json.dumps({"done": count}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
