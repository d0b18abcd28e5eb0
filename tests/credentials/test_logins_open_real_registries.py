"""The logins found let a real engine pull from real registries that want one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from credential_scene import Given, Scene

from greendock.docker.credentials.registry_credentials import Login, RegistryCredentials
from greendock.docker.engine.client import Engine
from greendock.docker.errors import RegistryLoginFailed
from greendock.docker.model import RegistryAccount
from greendock.docker.reference import parse_image

PASSWORD = "hub-pässword"


@pytest.fixture(autouse=True)
def private_hub(lab):
    lab.reset()
    lab.control(hub_private=["library/mysql"], hub_users={"me": PASSWORD})


def docker_login(lab: Any, scene: Scene) -> None:
    subprocess.run(
        ["docker", "login", "--username", "me", "--password-stdin"],
        env={**lab.env, "DOCKER_CONFIG": str(scene.config.parent)},
        input=PASSWORD,
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
    )


def pull(lab: Any, scene: Scene, image: str, after: Callable[..., Awaitable[None]]) -> None:
    """Pull with the login for `image`; `after` gets the login and a function that pulls again."""

    async def whole(credentials: RegistryCredentials) -> None:
        reference = parse_image(image)
        engine = Engine.from_environment(lab.docker_host, {})

        async def fetch() -> Login | None:
            login = await credentials.of(reference)
            auth = login.auth if login else None
            pulling = engine.pull(reference, registry_auth=auth, deadline_s=60)
            async with contextlib.aclosing(pulling) as events:
                async for _ in events:
                    pass
            return login

        try:
            await after(credentials, fetch)
        finally:
            await engine.close()

    scene.run(whole)


def test_what_docker_login_wrote_opens_docker_hub(lab, scene: Scene):
    docker_login(lab, scene)
    written = json.loads(scene.config.read_text())
    assert PASSWORD not in scene.config.read_text()
    assert list(written["auths"]) == ["https://index.docker.io/v1/"]

    async def after(_credentials: RegistryCredentials, fetch: Any) -> None:
        login = await fetch()
        assert login is not None
        assert login.source == f"docker config {scene.config}"

    pull(lab, scene, "mysql:8.0", after)
    assert "mysql:8.0" in lab.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout


def test_a_password_file_opens_docker_hub(lab, scene: Scene):
    path = scene.folder / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o600)
    account = RegistryAccount(username="me", password_file=str(path))
    scene.settings.registry_accounts = {"docker.io": account}

    async def after(_credentials: RegistryCredentials, fetch: Any) -> None:
        assert await fetch() is not None

    pull(lab, scene, "mysql:8.0", after)


def test_without_login_the_image_stays_closed(lab, scene: Scene):
    async def after(_credentials: RegistryCredentials, fetch: Any) -> None:
        with pytest.raises(Exception, match="mysql"):
            await fetch()

    pull(lab, scene, "mysql:8.0", after)


def test_a_refused_ecr_password_is_replaced(lab, scene: Scene):
    class Ecr:
        """Gives an expired password first, then a good one."""

        def __init__(self) -> None:
            self.given = 0

        async def authorization(self, account: str, region: str, host: str) -> Given:
            self.given += 1
            life_s = -1 if self.given == 1 else 3600
            password = await asyncio.to_thread(lab.ecr_password, life_s)
            return Given("AWS", password, scene.clock.now() + 3600)

    scene.ecr = Ecr()  # type: ignore[assignment]

    async def after(credentials: RegistryCredentials, fetch: Any) -> None:
        reference = parse_image(f"{lab.ecr_host}/repository:1.0")
        with pytest.raises(RegistryLoginFailed):
            await fetch()
        refused = await credentials.of(reference)
        assert refused is not None
        assert credentials.reject(refused)
        await fetch()

    pull(lab, scene, f"{lab.ecr_host}/repository:1.0", after)
    assert not (scene.folder / ".docker" / "config.json").exists()
