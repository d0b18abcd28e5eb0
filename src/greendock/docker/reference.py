"""Image names and `docker:` artifact URIs: the grammar and Docker's normalisation.

Pure; every step is linear in the length of the text. Accepts what the Docker Engine accepts
(distribution's reference grammar) and says of anything else which part is wrong, where and why.
Called wherever an image name enters the core: recipes, local commands, configuration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from greendock.docker.errors import ImageReferenceError
from greendock.docker.registry_kind import (
    DOCKER_HUB,
    RegistryIdentity,
    RegistryKind,
    identify,
    placeholder_in,
)

_EXAMPLE_PATH = "repository/image"
_LONGEST_REPOSITORY = 255
_LONGEST_TAG = 128
_SHOWN = 120
_DIGEST_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
# Separators are never empty, or matching would take time exponential in the length.
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:__|[._]|-+)[a-z0-9]+)*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_IPV6 = re.compile(r"\[[0-9A-Fa-f:]+\]", re.ASCII)
_HIGHEST_PORT = 65535
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_IMAGE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PLACEHOLDER = re.compile(r"\[(?![0-9A-Fa-f:]+\])|[<>{}|$]", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """One image, by tag or by digest, in Docker's normal form.

    `registry`: host with optional port, `docker.io` for Docker Hub. `repository`: the path, with
    `library/` for official Hub images. `tag`: `latest` where the text has neither tag nor digest,
    None where it has a digest only. With both, the digest decides which image it is.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def identity(self) -> RegistryIdentity:
        return identify(self.registry)

    @property
    def kind(self) -> RegistryKind:
        return self.identity.kind

    @property
    def account(self) -> str | None:
        """The AWS account of a private ECR registry."""
        return self.identity.account

    @property
    def region(self) -> str | None:
        """The AWS region of a private ECR registry."""
        return self.identity.region

    @property
    def canonical(self) -> str:
        """What two references have in common when they mean one image."""
        return f"{self.name}{self._selector}"

    @property
    def name(self) -> str:
        """Registry and repository in full: `docker.io/library/mysql`."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar_name(self) -> str:
        """Registry and repository as `docker` commands show them: `mysql`, `quay.io/a/b`."""
        if self.registry != DOCKER_HUB:
            return self.name
        short = self.repository.removeprefix("library/")
        if "/" not in short:
            return short
        # A first part that looks like a host would be read as one without the registry.
        return f"{DOCKER_HUB}/{self.repository}" if _is_registry(short) else self.repository

    @property
    def familiar(self) -> str:
        """The short form with tag and digest, as a person writes it: `mysql:8.0`."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.familiar_name}{tag}{digest}"

    @property
    def pull_reference(self) -> str:
        """The name for the engine: by digest where there is one, else by tag."""
        return f"{self.familiar_name}{self._selector}"

    @property
    def is_pinned(self) -> bool:
        """Whether it names one fixed version: a digest, or a tag other than `latest`."""
        return self.digest is not None or self.tag != "latest"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and still deserves a word in the log."""
        found: list[str] = []
        if not self.is_pinned:
            found.append(
                f"{self.familiar} is not pinned to a version: it can change with each deployment"
            )
        account = self.account
        if account is not None and len(account) != 12:
            found.append(f"{account} is no AWS account number: those have 12 digits")
        return tuple(found)

    @property
    def _selector(self) -> str:
        return f"@{self.digest}" if self.digest else f":{self.tag}"

    def __str__(self) -> str:
        return self.familiar


def parse_artifact_uri(uri: str) -> ImageReference:
    """Read `docker:NAME`, an artifact URI of a recipe. The scheme may have any letter case.

    Raises ImageReferenceError.
    """
    scheme, colon, _ = uri.partition(":")
    if not colon or scheme.lower() != "docker":
        fix = None if "://" in uri or not uri else f"write docker:{uri[:_SHOWN]}"
        raise _Text(uri, 0).error("scheme", "an image's URI starts with docker:", 0, fix)
    return _parse(_Text(uri, len(scheme) + 1))


def parse_image(text: str) -> ImageReference:
    """Read an image name as `docker pull` takes it. Raises ImageReferenceError."""
    return _parse(_Text(text, 0))


def canonical_name(text: str) -> str:
    """One spelling for all that mean the same image; `text` itself where it is no image name."""
    try:
        return parse_image(text).canonical
    except ImageReferenceError:
        return text


@dataclass(frozen=True, slots=True)
class _Text:
    """The text as given and where the image name starts in it."""

    given: str
    start: int

    def error(
        self, part: str, reason: str, position: int, fix: str | None = None
    ) -> ImageReferenceError:
        """`position` counts from the start of the image name."""
        at = min(self.start + position, len(self.given))
        shown = self.given if len(self.given) <= _SHOWN else self.given[:_SHOWN] + "…"
        what = "artifact URI" if self.start or part == "scheme" else "image name"
        scheme = "docker:" if self.start or part == "scheme" else ""
        example = f"write for example {scheme}{_EXAMPLE_PATH}:1.0"
        return ImageReferenceError(
            f"cannot read {what} {shown!r}: {reason} ({part}, character {at + 1})",
            part=part,
            reason=reason,
            position=at,
            hint=f"{fix}; {example}" if fix else example,
        )


def _parse(text: _Text) -> ImageReference:
    name = text.given[text.start :]
    _refuse_obvious(text, name)
    registry, rest, offset = _split_registry(name)
    if registry is not None:
        _check_registry(text, registry)
    before_digest, at, digest = rest.partition("@")
    path, colon, tag = before_digest.partition(":")
    repository = _check_repository(text, registry, path, offset)
    if colon:
        _check_tag(text, tag, offset + len(path) + 1)
    if at:
        _check_digest(text, digest, offset + len(before_digest) + 1)
    if not colon:
        tag = "" if at else "latest"
    host = DOCKER_HUB if registry in (None, "index.docker.io") else registry
    return ImageReference(host or DOCKER_HUB, repository, tag or None, digest or None)


def _refuse_obvious(text: _Text, name: str) -> None:
    if not name:
        raise text.error("image", "the image name is empty", 0)
    found = _PLACEHOLDER.search(name)
    if found is not None:
        reason = f"{name[found.start() : found.start() + 40]!r} is a placeholder of an example"
        part = _part_at(name, found.start())
        fix = "replace the placeholder"
        if part in ("tag", "digest"):
            fix += " by a tag such as :1.0 or a digest such as @sha256:…"
        raise text.error(part, reason, found.start(), fix)
    if _IMAGE_ID.fullmatch(name):
        reason = "64 hexadecimal digits are an image id, not a name"
        raise text.error("image", reason, 0, "name the repository")
    if name.startswith("//"):
        raise text.error("registry", "an image's URI has no //", 0, "remove the slashes")
    if name.startswith("/"):
        raise text.error("registry", "the registry before the / is empty", 0)


def _part_at(name: str, position: int) -> str:
    """Which part of the name a placeholder at `position` stands in."""
    before = name[:position]
    if "@" in before or name[position : position + 2] in ("[@", "<@"):
        return "digest"
    last = before.rpartition("/")[2]
    if ":" in last or name[position : position + 2] in ("[:", "<:"):
        return "tag"
    return "repository" if "/" in before or "/" not in name[position:] else "registry"


def _split_registry(name: str) -> tuple[str | None, str, int]:
    """Docker's rule: the first part is a host if it can't be a part of a Hub name."""
    first, slash, rest = name.partition("/")
    if not slash or not _is_registry(first):
        return None, name, 0
    return first, rest, len(first) + 1


def _is_registry(text: str) -> bool:
    first = text.partition("/")[0]
    return "." in first or ":" in first or first == "localhost" or first.lower() != first


def _check_registry(text: _Text, registry: str) -> None:
    host, colon, port = registry, "", ""
    if registry.startswith("["):
        closed = _IPV6.match(registry)
        if closed is None:
            raise text.error("registry", "the bracketed IPv6 address is not valid", 0)
        host, rest = closed[0], registry[closed.end() :]
        if rest and not rest.startswith(":"):
            raise text.error("registry", "only a port may follow the address", closed.end())
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = registry.partition(":")
        _check_host(text, host)
    if colon and _DIGITS.fullmatch(port) is None:
        reason = f"the port {port[:40]!r} is not a number" if port else "the port is empty"
        raise text.error("registry", reason, len(host) + 1)
    if colon and not 1 <= int(port[:6]) <= _HIGHEST_PORT:
        reason = f"the port {port[:6]} is not between 1 and {_HIGHEST_PORT}"
        raise text.error("registry", reason, len(host) + 1)


def _check_host(text: _Text, host: str) -> None:
    word = placeholder_in(host)
    if word is not None:
        reason = f"{word!r} is a placeholder of an example"
        fix = "replace the placeholder by your account number or region"
        raise text.error("registry", reason, host.index(word), fix)
    position = 0
    for label in host.split("."):
        bad = _first_bad(_LABEL, label)
        if bad is not None:
            reason = _reason("host name", label, bad, "letters, digits and inner hyphens")
            raise text.error("registry", reason, position + bad)
        position += len(label) + 1


def _check_repository(text: _Text, registry: str | None, path: str, offset: int) -> str:
    position = offset
    for component in path.split("/"):
        bad = _first_bad(_COMPONENT, component)
        if bad is not None:
            raise _repository_error(text, component, bad, position)
        position += len(component) + 1
    on_hub = registry in (None, DOCKER_HUB, "index.docker.io")
    repository = f"library/{path}" if on_hub and "/" not in path else path
    if len(repository) > _LONGEST_REPOSITORY:
        reason = f"it has {len(repository)} characters, the limit is {_LONGEST_REPOSITORY}"
        raise text.error("repository", reason, offset)
    return repository


def _repository_error(text: _Text, component: str, bad: int, position: int) -> ImageReferenceError:
    if component[bad : bad + 1].isupper():
        fix = f"write {component[:40].lower()!r}"
        return text.error("repository", "it must be lower case", position + bad, fix)
    allowed = "lower-case letters and digits, joined by one of . _ __ or hyphens"
    return text.error("repository", _reason("name", component, bad, allowed), position + bad)


def _check_tag(text: _Text, tag: str, offset: int) -> None:
    bad = _first_bad(_TAG, tag)
    if bad is not None:
        allowed = "letters, digits, _ . and -, and does not start with . or -"
        raise text.error("tag", _reason("tag", tag, bad, allowed), offset + bad)
    if len(tag) > _LONGEST_TAG:
        reason = f"it has {len(tag)} characters, the limit is {_LONGEST_TAG}"
        raise text.error("tag", reason, offset + _LONGEST_TAG)


def _check_digest(text: _Text, digest: str, offset: int) -> None:
    algorithm, colon, value = digest.partition(":")
    length = _DIGEST_HEX_DIGITS.get(algorithm)
    if not colon or length is None:
        reason = "a digest is sha256:, sha384: or sha512: with its hexadecimal digits"
        raise text.error("digest", reason, offset)
    start = offset + len(algorithm) + 1
    bad = _first_bad(_HEX, value)
    if bad is not None:
        reason = _reason("digest", value, bad, "the digits 0 to 9 and a to f, lower case")
        raise text.error("digest", reason, start + bad)
    if len(value) != length:
        reason = f"{algorithm} has {length} hexadecimal digits, this has {len(value)}"
        raise text.error("digest", reason, start)


def _first_bad(pattern: re.Pattern[str], text: str) -> int | None:
    """Where `text` stops to match `pattern`; None if it matches whole."""
    found = pattern.match(text)
    end = found.end() if found else 0
    return None if found and end == len(text) else end


def _reason(what: str, text: str, bad: int, allowed: str) -> str:
    if not text:
        return f"a part of the {what} is empty" if what != "tag" else "the tag is empty"
    if bad == len(text):
        return f"the {what} ends too early; it has {allowed}"
    return f"{text[bad]!r} can't stand here; a {what} has {allowed}"
