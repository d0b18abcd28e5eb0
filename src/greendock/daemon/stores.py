"""Builds what keeps shadows and gives secrets, from the settings in force; decides nothing."""

from __future__ import annotations

import os

from greendock.base.clock import Clock
from greendock.base.database import Database
from greendock.base.errors import GreendockError, Retry
from greendock.base.paths import Paths
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.outside import Outside
from greendock.secrets.cloud import CloudSecrets
from greendock.secrets.local import LocalSecrets
from greendock.secrets.model import NoSuchSecret, Secret, SecretUnavailable
from greendock.secrets.service import SecretService
from greendock.shadows.ports import Publisher, ShadowLimits
from greendock.shadows.service import ShadowService
from greendock.shadows.store import ShadowStore
from greendock.shadows.store_thread import StoreThread


def open_shadows(
    paths: Paths, clock: Clock, settings: CoreSettings, publisher: Publisher | None = None
) -> ShadowService:
    """Without a `publisher` nothing is told on the shadows' topics."""

    def limits() -> ShadowLimits:
        now = settings.current.shadows
        return ShadowLimits(now.state_bytes, now.requests_per_thing, now.requests_in_total)

    store = StoreThread(lambda: ShadowStore(Database(paths.database.with_name("shadows.db"))))
    return ShadowService(store, clock, limits, publisher)


def open_secrets(settings: CoreSettings, outside: Outside, clock: Clock) -> SecretService:
    """The device's own secrets go before those of AWS."""
    local = LocalSecrets(
        lambda: settings.current.secrets.local, lambda: settings.current.aws_region, os.environ
    )
    cloud = CloudSecrets(lambda: settings.current.secrets.cloud, AwsSecrets(outside), clock)
    return SecretService([local, cloud])


class AwsSecrets:
    """Fills SecretApi with the client of AWS, which is imported when it is first used."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def fetch(self, arn: str, version_id: str | None, stage: str | None) -> Secret:
        from greendock.aws.errors import CredentialsUnavailable, NotFound
        from greendock.aws.secrets_manager import SecretsManager

        try:
            api = SecretsManager(self._outside.http, self._outside.credentials, os.environ)
            found = await api.value(arn, version_id, stage)
        except NotFound as error:
            raise NoSuchSecret(error.message, hint=error.hint) from error
        except GreendockError as error:
            is_offline = isinstance(error, CredentialsUnavailable)
            raise SecretUnavailable(
                error.message,
                hint=error.hint,
                may_pass=is_offline or error.retry is not Retry.NEVER,
            ) from error
        return Secret(found.arn, found.version_id, found.stages, found.value)
