"""A device with a certificate in front of the lab's AWS IoT and Amazon ECR."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import AwsCredentials, CredentialSource
from greendock.aws.ecr import Ecr
from greendock.aws.iot import IotSource, RoleAlias
from greendock.base.clock import SystemClock
from greendock.net.http import HttpClient
from greendock.net.proxy import ProxySettings, read_proxy
from lab.certificates import DEVICE_NAME
from lab.connections import connections_end
from lab.internet.addresses import ECR_ACCOUNT, IOT_HOST, PROXY_PORT
from lab.internet.iot import ROLE_ALIAS

if TYPE_CHECKING:
    from lab.lab import Lab

_PROXY = read_proxy(f"http://127.0.0.1:{PROXY_PORT}", "the lab")


class Given:
    """A source that gives what a test put into it, one after another, the last for ever."""

    def __init__(self, *credentials: AwsCredentials) -> None:
        self._left = list(credentials)

    async def credentials(self) -> AwsCredentials:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


class Device:
    """Asks the lab's cloud for credentials and passwords."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.role = RoleAlias(
            alias=ROLE_ALIAS,
            endpoint=IOT_HOST,
            thing_name=DEVICE_NAME,
            certificate=lab.folder / "device.pem",
            key=lab.folder / "device.key",
            authority=lab.certificate_authority,
        )

    def change(self, **changes: Any) -> None:
        self.role = replace(self.role, **changes)

    def credentials(self) -> AwsCredentials:
        found: AwsCredentials = self._run(lambda http: IotSource(self.role, http).credentials())
        return found

    def password(
        self, source: CredentialSource | None = None, region: str = "us-east-1", times: int = 1
    ) -> Any:
        """The last of so many passwords that the core's Amazon ECR client gets."""
        host = f"{ECR_ACCOUNT}.dkr.ecr.{region}.amazonaws.com"

        async def ask(http: HttpClient) -> Any:
            cached = CachedSource(source or IotSource(self.role, http), SystemClock())
            ecr = Ecr(http, cached, {})
            found = None
            for _ in range(times):
                found = await ecr.authorization(ECR_ACCOUNT, region, host)
            return found

        return self._run(ask)

    def _run(self, action: Callable[[HttpClient], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            http = HttpClient(lambda: ProxySettings(_PROXY, _PROXY), user_agent="tests")
            try:
                async with asyncio.timeout(60):
                    return await action(http)
            finally:
                await http.close()
                await connections_end()

        with self.lab.namespaces.network():
            return asyncio.run(whole())


@pytest.fixture
def device(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setenv("SSL_CERT_FILE", str(lab.certificate_authority))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    return Device(lab)


@pytest.fixture
def given() -> type[Given]:
    return Given


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Certificates of another authority than the lab's."""
    from lab.certificates import write_certificates

    write_certificates(tmp_path, ["localhost"])
    return tmp_path
