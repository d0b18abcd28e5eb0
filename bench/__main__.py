"""`make bench`: starts the lab of the tests, takes every measurement, prints the figures.

Usage: python -m bench [--rounds N] [--only NAME]. Needs root, for the lab.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


NAMES = ("pulls", "cut-pulls", "commands", "core-start", "ipc", "gateway")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each kind (default 5)")
    parser.add_argument("--only", choices=NAMES, help="take one kind of measurement")
    options = parser.parse_args()
    rounds = options.rounds
    from bench import commands, core_start, cut_pulls, gateway, ipc, pulls
    from lab.core import CoreMaker
    from lab.lab import Lab

    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {rounds} rounds,", end=" ")
    print("median (least to greatest); what is compared takes turns")
    lab = Lab.open()
    try:
        with tempfile.TemporaryDirectory() as folder:
            make_core = CoreMaker(lab)
            lab.reset()
            place = Path(folder)
            measurements = {
                "pulls": lambda: pulls.measure(lab, make_core, place, rounds),
                "cut-pulls": lambda: cut_pulls.measure(lab, make_core, place),
                "commands": lambda: commands.measure(make_core, place, rounds * 4),
                "core-start": lambda: core_start.measure(lab, make_core, place, rounds),
                "ipc": lambda: ipc.measure(make_core, place, rounds),
                "gateway": lambda: gateway.measure(lab, place, rounds),
            }
            for name in NAMES:
                if options.only in (None, name):
                    measurements[name]()
    finally:
        lab.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
