"""The core's S3 client against a real S3 API under Amazon's host names."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import CredentialSource
from greendock.aws.s3 import S3
from greendock.aws.sources import NoSource, StaticSource
from greendock.base.clock import SystemClock
from greendock.net.http import HttpClient
from greendock.net.proxy import ProxySettings, read_proxy
from lab.connections import connections_end

if TYPE_CHECKING:
    from lab.aws import Aws
    from lab.lab import Lab

_PROXY = read_proxy("http://127.0.0.1:3128", "the lab")
_numbers = itertools.count()


class Bucket:
    """A bucket, and who reads it."""

    def __init__(self, lab: Lab, aws: Aws, folder: Path) -> None:
        self.lab = lab
        self.aws = aws
        self.name = f"bucket-{next(_numbers)}"
        self._keys = folder / "keys.json"
        self.endpoint: str | None = None
        self.source: CredentialSource | None = None
        self.allow("s3:GetObject")

    def put(self, region: str = "us-east-1", **objects: bytes) -> None:
        self.put_keys(objects, region)

    def put_keys(self, objects: dict[str, bytes], region: str = "us-east-1") -> None:
        self.aws.put(self.name, objects, region)
        self.lab.control(s3_regions={self.name: region})

    def allow(self, *actions: str) -> None:
        """The device's user may do just that."""
        keys = self.aws.keys(f"user-{next(_numbers)}", actions)
        self._keys.write_text(json.dumps(keys))

    def allow_role(self, *actions: str) -> dict[str, str]:
        """The device has a session of a role who may do just that."""
        keys = self.aws.role_keys(f"role-{next(_numbers)}", actions)
        self._keys.write_text(json.dumps(keys))
        return keys

    def publish(self, statement: dict[str, Any]) -> None:
        """Lay a policy on the bucket."""
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.aws.call(
            ("s3", "delete_public_access_block", {"Bucket": self.name}),
            ("s3", "put_bucket_policy", {"Bucket": self.name, "Policy": policy}),
        )

    @property
    def file(self) -> StaticSource:
        """Where the device's user stands."""
        return StaticSource(self._keys)

    def no_credentials(self) -> None:
        self._keys.unlink()

    def wrong_secret(self) -> None:
        keys = json.loads(self._keys.read_text())
        self._keys.write_text(json.dumps({**keys, "SecretAccessKey": "wrong"}))

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def run(self, action: Callable[[S3], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            http = HttpClient(lambda: ProxySettings(_PROXY, _PROXY), user_agent="tests")
            own = StaticSource(self._keys) if self._keys.exists() else NoSource()
            cached = CachedSource(self.source or own, SystemClock())
            s3 = S3(http, cached, lambda: "us-east-1", lambda: self.endpoint, {})
            try:
                async with asyncio.timeout(60):
                    return await action(s3)
            finally:
                await http.close()
                await connections_end()

        with self.lab.namespaces.network():
            return asyncio.run(whole())

    def read(self, key: str, offset: int = 0, etag: str = "") -> bytes:
        async def action(s3: S3) -> bytes:
            async with s3.read(self.uri(key), offset, etag) as chunks:
                return b"".join([chunk async for chunk in chunks])

        found: bytes = self.run(action)
        return found

    def describe(self, key: str) -> Any:
        return self.run(lambda s3: s3.describe(self.uri(key)))


@pytest.fixture
def bucket(lab: Lab, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("SSL_CERT_FILE", str(lab.certificate_authority))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    return Bucket(lab, aws, tmp_path)
