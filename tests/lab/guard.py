"""The process that holds the lab's namespaces and leaves nothing of the lab behind.

Usage: `unshare --net --mount --propagation private python -m lab.guard FOLDER [keep]`. It
prepares the private system, prints one line (`bridge`, or why there is no bridge network) and
waits for the end of its standard input. That comes when the tests close it, and just as well when
they are killed; then it ends every process of the lab and removes mounts, control groups, files.
"""

from __future__ import annotations

import sys
from pathlib import Path

from . import private_system, processes


def main() -> int:
    folder = Path(sys.argv[1])
    keep = sys.argv[2:] == ["keep"]
    try:
        private_system.prepare(folder)
        print(private_system.missing_for_bridge() or "bridge", flush=True)
        sys.stdin.read()
    finally:
        processes.end_all(processes.of_lab(folder.name))
        private_system.remove(folder, keep_files=keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
