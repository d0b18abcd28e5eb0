"""An image with a Python and the official SDKs in it: this machine's own, put together in memory.

It holds the programs of `sdk/`; what it runs by itself is `client.py`, which says what it can be
told.
"""

from __future__ import annotations

import functools
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import images

_AWS = Path(__file__).resolve().parents[2] / ".venv-aws" / "lib"
_VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_STANDARD = f"usr/lib/{_VERSION}"
_PACKAGES = f"{_STANDARD}/site-packages"
# Parts of the standard library that no program in an image has a use for.
_UNUSED = {
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tkinter",
    "turtledemo",
}
# Boto3 and what it needs, without the models of the services: only credentials are asked for.
_BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
_DATA = re.compile(r"botocore/data/[^/]+/")
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
# Loaded by name when a thread ends, so that no program tells that it needs it.
_LOADED_LATE = "libgcc_s.so.1"
_SOURCES = Path(__file__).with_name("sdk")
_PROGRAMS = "opt/sdk"


def sdk_image(arguments: Sequence[str], user: str = "") -> images.Image:
    """An image that runs `client.py ARGUMENTS` as `user` (root when none is given)."""
    cmd = ["/usr/bin/python3", "-u", f"/{_PROGRAMS}/client.py", *arguments]
    env = ("PATH=/bin:/usr/bin", "PYTHONDONTWRITEBYTECODE=1", "HOME=/tmp")
    return images.image([*_layers()], cmd, env, user=user)


@functools.cache
def _layers() -> tuple[images.Layer, ...]:
    """Made once; 90 MB, and not compressed since they travel on this machine only."""
    programs: images.Files = {
        f"{_PROGRAMS}/{path.name}": (path.read_bytes(), 0o644) for path in _SOURCES.glob("*.py")
    }
    system = images.busybox(programs)
    files = dict(_python()) | dict(_distributions("awsiotsdk", "awscrt")) | dict(_boto3())
    for library in _libraries(list(files.values())):
        files[library.lstrip("/")] = Path(library).resolve()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, path in sorted(files.items()):
            # With its time, by which Python knows that the compiled module beside it is good.
            archive.add(path, name, recursive=False, filter=_of_root)
    data = buffer.getvalue()
    return (images.Layer(data, data), system)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _python() -> Iterator[tuple[str, Path]]:
    yield "usr/bin/python3", Path(sys.executable).resolve()
    standard = Path(sys.base_prefix) / "lib" / _VERSION
    for folder, folders, names in os.walk(standard):
        folders[:] = [x for x in folders if x not in _UNUSED and not x.startswith("config-")]
        for name in names:
            path = Path(folder) / name
            is_compiled_twice = name.endswith((".opt-1.pyc", ".opt-2.pyc"))
            if not is_compiled_twice and not name.startswith(("_test", "_tkinter")):
                yield f"{_STANDARD}/{path.relative_to(standard)}", path


def _distributions(*names: str) -> Iterator[tuple[str, Path]]:
    for name in names:
        for file in importlib.metadata.distribution(name).files or ():
            if ".." not in file.parts:
                yield f"{_PACKAGES}/{file}", Path(str(file.locate()))


def _boto3() -> Iterator[tuple[str, Path]]:
    packages = _AWS / _VERSION / "site-packages"
    assert (packages / "boto3").is_dir(), f"no boto3 in {packages}: run `scripts/bootstrap test`"
    for name in _BOTO3:
        found = [packages / name] if name.endswith(".py") else (packages / name).rglob("*")
        for path in found:
            inside = str(path.relative_to(packages))
            if path.is_file() and not _DATA.match(inside):
                yield f"{_PACKAGES}/{inside}", path


def _libraries(files: Sequence[Path]) -> set[str]:
    """Every shared library that programs and modules among these files need."""
    programs = [str(x) for x in files if ".so" in x.suffixes or x.name.startswith("python3")]
    shown = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
    found = set(_LIBRARY.findall(shown))
    beside = next(x for x in found if "/libc.so" in x)
    return found | {str(Path(beside).with_name(_LOADED_LATE))}
