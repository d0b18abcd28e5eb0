"""Has `docker-compose` and `docker compose` both work where the machine has only one of them.

Two small programs of ours, in a folder that components can't write to. The one is found behind
everything else in a script's PATH; the other is linked into the component's DOCKER_CONFIG, since
docker 20.10 looks for its plugins nowhere else that a component can be given. What is installed
always comes first. Called when a life of a component begins. Blocking, but only looks and links.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path

from greendock.base.durable import write_atomic

_log = logging.getLogger("greendock")

_NAME = "docker-compose"
_PLUGIN_FOLDERS = tuple(
    Path(place, "docker/cli-plugins")
    for place in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# One that calls the other, which has gone since, must not go round in circles.
_ONCE = f"""if [ -n "$GREENDOCK_COMPOSE" ]; then
    echo "{_NAME}: not found" >&2
    exit 127
fi
export GREENDOCK_COMPOSE=1
"""
_PROGRAM = f"""#!/bin/sh
{_ONCE}exec docker compose "$@"
"""
_METADATA = json.dumps(
    {
        "SchemaVersion": "0.1.0",
        "Vendor": "Greendock",
        "Version": "v1",
        "ShortDescription": f"calls {_NAME}",
    }
)
# docker gives a plugin its own options too, in front of `compose`. With the variables of docker,
# a newer docker-compose would take itself for the plugin.
_PLUGIN = f"""#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
    echo '{_METADATA}'
    exit 0
fi
{_ONCE}unset DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND DOCKER_CLI_PLUGIN_SOCKET
left=$#
found=
while [ "$left" -gt 0 ]; do
    word=$1
    shift
    left=$((left - 1))
    case "$found$word" in
        compose) found=1 ;;
        -D | --debug) ;;
        *) set -- "$@" "$word" ;;
    esac
done
exec {_NAME} "$@"
"""


class Missing(Enum):
    """What a machine lacks that can be stood in for."""

    NOTHING = "nothing"
    PROGRAM = "program"
    PLUGIN = "plugin"


def decide(*, has_program: bool, has_plugin: bool) -> Missing:
    """A machine that has neither lacks nothing that we have."""
    if has_program == has_plugin:
        return Missing.NOTHING
    return Missing.PLUGIN if has_program else Missing.PROGRAM


class ComposeShims:
    """`folder`: where the programs are put; only the core may write there."""

    def __init__(self, folder: Path, plugin_folders: tuple[Path, ...] = _PLUGIN_FOLDERS) -> None:
        self._program = folder / "program" / _NAME
        self._plugin = folder / "plugin" / _NAME
        self._plugin_folders = plugin_folders

    def variables(self, work_folder: Path, search_path: str) -> Mapping[str, str]:
        """The variables for scripts of the component with this work folder; `search_path` is
        their PATH without us. Raises nothing: without a shim things are as on the machine."""
        try:
            return self._place(work_folder, search_path)
        except OSError as error:
            _log.warning("compose can only be called as it is installed: %s", error)
            return {}

    def _place(self, work_folder: Path, search_path: str) -> Mapping[str, str]:
        missing = decide(
            has_program=any(_is_program(Path(f, _NAME)) for f in search_path.split(":") if f),
            has_plugin=self._has_plugin(work_folder),
        )
        if missing is Missing.PLUGIN:
            _provide(self._plugin, _PLUGIN)
            _link(work_folder, self._plugin)
        else:
            _unlink(work_folder, self._plugin)
        if missing is Missing.PROGRAM:
            _provide(self._program, _PROGRAM)
            return {"PATH": f"{search_path}:{self._program.parent}"}
        return {}

    def _has_plugin(self, work_folder: Path) -> bool:
        """Ours doesn't count."""
        own = work_folder / ".docker" / "cli-plugins" / _NAME
        places = [folder / _NAME for folder in self._plugin_folders]
        if not _is_link_to(own, self._plugin):
            places.append(own)
        return any(map(_is_program, places))


def _is_program(path: Path) -> bool:
    return os.access(path, os.X_OK) and path.is_file()


def _is_link_to(path: Path, target: Path) -> bool:
    try:
        return path.readlink() == target
    except OSError:
        return False


def _provide(path: Path, text: str) -> None:
    """Have the program at `path`, for all to run. Raises OSError."""
    with suppress(OSError):
        if path.read_text() == text and path.stat().st_mode & 0o777 == 0o755:
            return
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    write_atomic(path, text.encode(), mode=0o755)


def _link(work_folder: Path, target: Path) -> None:
    """The work folder is the component's: by descriptors, so that no link of its leads us away."""
    folder = _plugins(work_folder, makes=True)
    if folder is None:
        return
    try:
        os.symlink(target, _NAME, dir_fd=folder)
    except FileExistsError:
        # Ours from an earlier life, or something of the component's that docker can't run.
        pass
    finally:
        os.close(folder)


def _unlink(work_folder: Path, target: Path) -> None:
    folder = _plugins(work_folder, makes=False)
    if folder is None:
        return
    try:
        with suppress(OSError):
            if os.readlink(_NAME, dir_fd=folder) == str(target):
                os.unlink(_NAME, dir_fd=folder)
    finally:
        os.close(folder)


def _plugins(work_folder: Path, *, makes: bool) -> int | None:
    """The open folder `.docker/cli-plugins`; None when there is none, or something else."""
    opened: list[int] = []
    try:
        opened.append(os.open(work_folder, _FOLDER))
        opened.append(os.open(".docker", _FOLDER, dir_fd=opened[-1]))
        owner = os.fstat(opened[-1])
        if makes:
            with suppress(FileExistsError):
                os.mkdir("cli-plugins", 0o755, dir_fd=opened[-1])
                if os.geteuid() == 0:
                    os.chown(
                        "cli-plugins",
                        owner.st_uid,
                        owner.st_gid,
                        dir_fd=opened[-1],
                        follow_symlinks=False,
                    )
        return os.open("cli-plugins", _FOLDER, dir_fd=opened[-1])
    except OSError:
        return None
    finally:
        for descriptor in opened:
            os.close(descriptor)
