"""Who authenticates to which registry.

An entry of the configuration comes first, then Amazon ECR for its private registries, then what
`docker login` left in the config of the core's user; else the registry is asked anonymously.
Passwords stay in memory and go nowhere but into the `RegistryAuth` of a `Login`. Called by the
image work for each image.
"""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greendock.base.clock import Clock
from greendock.docker.credentials.configured_password import (
    password_from_file,
    password_from_variable,
)
from greendock.docker.credentials.credential_helper import ask_helper
from greendock.docker.credentials.docker_config import DockerConfigFile, HelperEntry, server_of
from greendock.docker.credentials.ecr_tokens import EcrPasswords, EcrRegistry
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import CredentialsFailed
from greendock.docker.model import RegistryAccount
from greendock.docker.ports import EcrTokens, ImageSettings, Journal
from greendock.docker.reference import ImageReference
from greendock.docker.registry_kind import RegistryKind


@dataclass(frozen=True, slots=True)
class Login:
    """What to show a registry. `source`: where it comes from, in words without anything secret.

    `expires_at`: seconds since the epoch. `can_renew`: asking again can give another one.
    """

    auth: RegistryAuth
    source: str
    expires_at: float | None = None
    can_renew: bool = False


class RegistryCredentials:
    """Belongs to one event loop. `environ`: the core's own variables."""

    def __init__(
        self,
        settings: ImageSettings,
        tokens: EcrTokens,
        journal: Journal,
        clock: Clock,
        environ: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._environ = environ
        self._ecr = EcrPasswords(tokens, clock)
        self._files: dict[str, DockerConfigFile] = {}
        self._warned: set[str] = set()

    async def of(self, reference: ImageReference) -> Login | None:
        """The login for the registry of `reference`; None: ask anonymously.

        Raises CredentialsFailed, and its EcrCredentialsFailed.
        """
        account = self._account(reference)
        if account is not None:
            return await self._configured(account, reference.registry)
        if reference.kind is RegistryKind.ECR_PRIVATE:
            return await self._of_ecr(reference)
        return await self._of_user(reference.registry)

    def reject(self, login: Login) -> bool:
        """Forget what the registry refused. Whether asking again can give another one.

        Ask again once only: a new password can be as wrong as the old one.
        """
        self._ecr.forget(login.auth.password)
        return login.can_renew

    def describe(self, reference: ImageReference) -> str:
        """Where the login for `reference` would come from; asks nobody for it."""
        account = self._account(reference)
        if account is not None:
            return f"{_describe(account)}{self._trouble(account)}"
        if reference.kind is RegistryKind.ECR_PRIVATE:
            return _describe_ecr(reference)
        path = default_config_path(self._environ)
        try:
            config = self._file(path).read()
            found = config.find(reference.registry) if config else None
        except CredentialsFailed:
            return f"none ({path} can't be used)"
        return _describe_found(path, found)

    def _trouble(self, account: RegistryAccount) -> str:
        """Why the account can't be used, as far as that can be seen without asking anybody."""
        try:
            if account.password_file is not None:
                if password_from_file(account.password_file).is_open_to_others:
                    return " (others than its owner can read it: chmod 600 it)"
            elif account.password_env is not None:
                password_from_variable(account.password_env, self._environ)
        except CredentialsFailed as error:
            return f" ({error.message})"
        return ""

    # -- the configuration

    def _account(self, reference: ImageReference) -> RegistryAccount | None:
        return self._settings.registry_accounts.get(reference.registry.lower())

    async def _configured(self, account: RegistryAccount, registry: str) -> Login | None:
        source = _describe(account)
        if account.password_file is not None:
            password = await asyncio.to_thread(password_from_file, account.password_file)
            if password.is_open_to_others:
                self._warn(
                    f"{source} can be read by others than its owner: chmod 600 it", registry
                )
        elif account.password_env is not None:
            password = password_from_variable(account.password_env, self._environ)
        elif account.credential_helper is not None:
            return await self._asked(account.credential_helper, registry, source)
        else:
            return await self._of_file(account.docker_config or "", registry)
        auth = RegistryAuth(account.username or "", password.text, server_of(registry))
        return Login(auth, source)

    async def _asked(self, helper: str, registry: str, source: str) -> Login | None:
        auth = await ask_helper(helper, server_of(registry), self._for_helpers())
        if auth is None:
            self._warn(f"{source} knows no login for {registry}", registry)
            return None
        return Login(auth, source, can_renew=True)

    async def _of_file(self, path: str, registry: str) -> Login | None:
        """From a config.json that the configuration names for this registry."""
        config = await asyncio.to_thread(self._file(path).read)
        if config is None:
            raise CredentialsFailed(f"cannot use docker config {path}: there is no such file")
        login = await self._followed(path, config.find(registry), registry)
        if login is None:
            self._warn(f"docker config {path} has no login for {registry}", registry)
        return login

    # -- Amazon ECR

    async def _of_ecr(self, reference: ImageReference) -> Login:
        host = reference.registry.partition(":")[0].lower()
        registry = EcrRegistry(reference.account or "", reference.region or "", host)
        given = await self._ecr.password(registry)
        auth = RegistryAuth(given.username, given.password, reference.registry)
        return Login(auth, _describe_ecr(reference), given.expires_at, can_renew=True)

    # -- docker login of the core's user

    async def _of_user(self, registry: str) -> Login | None:
        """Trouble with what is not configured for this registry is worth a warning, no more."""
        path = default_config_path(self._environ)
        found: HelperEntry | RegistryAuth | None = None
        try:
            config = await asyncio.to_thread(self._file(path).read)
            found = config.find(registry) if config else None
            return await self._followed(path, found, registry)
        except CredentialsFailed as error:
            if isinstance(found, HelperEntry) and found.is_for_registry:
                raise
            self._warn(f"{error.message}; {registry} is asked without login", registry)
            return None

    # -- both kinds of config.json

    def _file(self, path: str) -> DockerConfigFile:
        return self._files.setdefault(path, DockerConfigFile(path))

    async def _followed(
        self, path: str, found: HelperEntry | RegistryAuth | None, registry: str
    ) -> Login | None:
        """The login that a config.json names, itself or by a helper."""
        source = _describe_found(path, found)
        if isinstance(found, HelperEntry):
            auth = await ask_helper(found.name, server_of(registry), self._for_helpers())
            return None if auth is None else Login(auth, source, can_renew=True)
        return None if found is None else Login(found, source)

    def _for_helpers(self) -> Mapping[str, str]:
        """The core's variables without the passwords of other registries."""
        accounts = self._settings.registry_accounts.values()
        secret = {account.password_env for account in accounts}
        return {name: value for name, value in self._environ.items() if name not in secret}

    def _warn(self, message: str, registry: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._journal.write("WARN", "registry-credentials", message, registry=registry)


def default_config_path(environ: Mapping[str, str]) -> str:
    """Where `docker login` of the core's user writes to."""
    folder = environ.get("DOCKER_CONFIG")
    if not folder:
        home = environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
        folder = f"{home}/.docker"
    return str(Path(folder) / "config.json")


def _describe(account: RegistryAccount) -> str:
    if account.password_file is not None:
        return f"password file {account.password_file}"
    if account.password_env is not None:
        return f"variable {account.password_env}"
    if account.credential_helper is not None:
        return f"credential helper {account.credential_helper}"
    return f"docker config {account.docker_config}"


def _describe_ecr(reference: ImageReference) -> str:
    return f"Amazon ECR token of account {reference.account} in {reference.region}"


def _describe_found(path: str, found: HelperEntry | RegistryAuth | None) -> str:
    if isinstance(found, HelperEntry):
        return f"credential helper {found.name} of docker config {path}"
    return "none" if found is None else f"docker config {path}"
