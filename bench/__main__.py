"""`make bench`: starts the lab of the tests, takes every measurement, prints the figures.

Usage: python -m bench [--rounds N]. Needs root, for the lab.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each kind (default 5)")
    rounds = parser.parse_args().rounds
    from bench import commands, core_start, cut_pulls, pulls
    from lab.core import CoreMaker
    from lab.lab import Lab

    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {rounds} rounds,", end=" ")
    print("median (least to greatest); what is compared takes turns")
    lab = Lab.open()
    try:
        with tempfile.TemporaryDirectory() as folder:
            make_core = CoreMaker(lab)
            lab.reset()
            pulls.measure(lab, make_core, Path(folder), rounds)
            cut_pulls.measure(lab, make_core, Path(folder))
            commands.measure(make_core, Path(folder), rounds * 4)
            core_start.measure(lab, make_core, Path(folder), rounds)
    finally:
        lab.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
