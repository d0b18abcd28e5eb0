"""Reads the compose files of one use: their services, with the variables filled in.

Pure but for the reader that it is given. Follows several files, override files, `extends` and
`include`, each a bounded number of times. What it can't read is a problem to tell, never an error:
compose itself says what is wrong.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.docker.compose.document import ComposeFileError, read_document
from greendock.docker.compose.env_file import read_env_file
from greendock.docker.compose.interpolation import InterpolationError, interpolate
from greendock.docker.compose.model import ComposeUse, Project, ReadText, Service
from greendock.docker.compose.service import merged, read_service

_DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_MOST_FILES = 50
_MOST_VISITS = 1000
"""A file can be included and extended from many places; its text is read once."""
_MOST_CHARACTERS = 1024 * 1024
_MOST_SERVICES = 500
_DEEPEST = 10

Services = dict[str, dict[str, Any]]


def read_project(use: ComposeUse, read: ReadText) -> Project:
    """The services that `use` starts; none when its files are not there."""
    variables = _variables(use, read)
    files = _files(use, variables, read)
    if not files:
        return Project()
    reading = _Reading(read, files[0])
    services = reading.all(files, _base(use, files), variables, 0)
    found = reading.finished(services)
    profiles = {*use.profiles, *_split(variables.get("COMPOSE_PROFILES", ""), ",")}
    return Project(
        tuple(_started(found, use.services, profiles)),
        tuple(reading.documents),
        tuple(dict.fromkeys(reading.problems)),
    )


def _base(use: ComposeUse, files: Iterable[str]) -> str:
    return use.project_directory or posixpath.dirname(next(iter(files)))


def _variables(use: ComposeUse, read: ReadText) -> dict[str, str]:
    """The environment of the command, over what its `.env` files say."""
    paths = use.env_files
    if not paths:
        files = use.files or _default_files(use.folder, read)
        paths = (posixpath.join(_base(use, files or [f"{use.folder}/x"]), ".env"),)
    return _with_env_files(paths, use.environment, read)


def _with_env_files(
    paths: Iterable[str], environment: Mapping[str, str], read: ReadText
) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        text = read(path)
        if text is not None:
            found |= read_env_file(text, {**found, **environment})
    return {**found, **environment}


def _files(use: ComposeUse, variables: Mapping[str, str], read: ReadText) -> list[str]:
    if use.files:
        return list(use.files)
    given = variables.get("COMPOSE_FILE")
    if given:
        separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
        return [_joined(use.folder, path) for path in _split(given, separator)]
    return _default_files(use.project_directory or use.folder, read)


def _default_files(folder: str, read: ReadText) -> list[str]:
    """In `folder` or the nearest one above it, and the override file beside it."""
    while True:
        for name in _DEFAULT_FILES:
            path = posixpath.join(folder, name)
            if read(path) is not None:
                stem = name.partition(".")[0]
                beside = [f"{folder}/{stem}.override.{end}" for end in ("yml", "yaml")]
                return [path, *(each for each in beside if read(each) is not None)][:2]
        if folder in ("/", ""):
            return []
        folder = posixpath.dirname(folder)


def _started(
    services: Mapping[str, Service], named: Iterable[str], profiles: Iterable[str]
) -> list[Service]:
    """Those that are named, else those whose profile is on; and all that they depend on."""
    active = set(profiles)
    wanted = [name for name in named if name in services]
    if not wanted:
        wanted = [
            service.name
            for service in services.values()
            if not service.profiles or "*" in active or active & set(service.profiles)
        ]
    found: dict[str, None] = {}
    while wanted:
        name = wanted.pop(0)
        if name in services and name not in found:
            found[name] = None
            wanted += services[name].depends_on
    return [service for name, service in services.items() if name in found]


@dataclass(slots=True)
class _Reading:
    read: ReadText
    first: str
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    visits: int = 0
    characters: int = 0
    problems: list[str] = field(default_factory=list)
    variables: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """By service: those of the file that it came in with."""

    def all(
        self, paths: Iterable[str], base: str, variables: Mapping[str, str], depth: int
    ) -> Services:
        """The services of some files, each over those before it."""
        found: Services = {}
        for path in paths:
            document = self._document(path)
            for included in self._included(document, path, base, variables, depth):
                found |= included
            for name in list(_services(document))[:_MOST_SERVICES]:
                own = self._extended(name, document, path, depth)
                found[name] = merged(found.get(name, {}), own)
                self.variables[name] = variables
        return found

    def finished(self, services: Services) -> dict[str, Service]:
        found = {}
        for name, data in services.items():
            try:
                found[name] = read_service(name, data, self.variables.get(name, {}))
            except InterpolationError as error:
                self.problems.append(f"{self.first}: service {name}: {error}")
        return found

    def _document(self, path: str) -> dict[str, Any]:
        self.visits += 1
        if self.visits > _MOST_VISITS:
            self.problems.append(f"{self.first}: it is put together of too many parts")
            return {}
        if path in self.documents:
            return self.documents[path]
        text = self.read(path)
        if text is None:
            # Of a file that compose can't find it tells itself.
            return {}
        self.characters += len(text)
        if len(self.documents) >= _MOST_FILES or self.characters > _MOST_CHARACTERS:
            self.problems.append(f"{self.first}: it is put together of too much text")
            return {}
        found: dict[str, Any] = {}
        try:
            found = read_document(text)
        except ComposeFileError as error:
            self.problems.append(f"{path}: {error}")
        self.documents[path] = found
        return found

    def _included(
        self,
        document: Mapping[str, Any],
        path: str,
        base: str,
        variables: Mapping[str, str],
        depth: int,
    ) -> Iterable[Services]:
        entries = document.get("include")
        if not isinstance(entries, list) or depth >= _DEEPEST:
            return
        for entry in entries:
            data = entry if isinstance(entry, dict) else {"path": entry}
            try:
                paths = [_joined(base, x) for x in _texts(data.get("path"), variables)]
                own_base = _texts(data.get("project_directory"), variables)
                env_files = _texts(data.get("env_file"), variables)
            except InterpolationError as error:
                self.problems.append(f"{path}: include: {error}")
                continue
            if not paths:
                continue
            folder = _joined(base, own_base[0]) if own_base else posixpath.dirname(paths[0])
            env_paths = [_joined(base, each) for each in env_files] or [f"{folder}/.env"]
            inner = _with_env_files(env_paths, variables, self.read)
            yield self.all(paths, folder, inner, depth + 1)

    def _extended(
        self, name: str, document: Mapping[str, Any], path: str, depth: int
    ) -> dict[str, Any]:
        own = _services(document).get(name)
        if not isinstance(own, dict):
            return {}
        extends = own.get("extends")
        if extends is None or depth >= _DEEPEST:
            return own
        data = extends if isinstance(extends, dict) else {"service": extends}
        base_name, file = data.get("service"), data.get("file")
        if not isinstance(base_name, str):
            return own
        base_document, base_path = document, path
        if isinstance(file, str):
            base_path = _joined(posixpath.dirname(path), file)
            base_document = self._document(base_path)
        return merged(self._extended(base_name, base_document, base_path, depth + 1), own)


def _services(document: Mapping[str, Any]) -> dict[str, Any]:
    services = document.get("services")
    if services is None and "version" not in document:
        # The first format has no such key: its services stand at the top.
        services = {
            name: data
            for name, data in document.items()
            if isinstance(data, dict) and ("image" in data or "build" in data)
        }
    if not isinstance(services, dict):
        return {}
    return {str(name): data for name, data in services.items() if isinstance(data, dict)}


def _texts(value: Any, variables: Mapping[str, str]) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    return [interpolate(entry, variables) for entry in entries if isinstance(entry, str)]


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _split(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]
