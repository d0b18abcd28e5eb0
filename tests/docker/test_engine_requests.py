"""The engine's answers become typed data; credentials travel in one header and show nowhere."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from contextlib import aclosing

import pytest

from greendock.docker import errors as e
from greendock.docker.engine.address import EngineAddress, EngineTls
from greendock.docker.engine.client import Engine
from greendock.docker.engine.connection import Call
from greendock.docker.engine.model import RegistryAuth, read_image, read_info, read_message
from greendock.docker.reference import parse_image


async def pull_all(engine, name, auth=None):
    async with aclosing(engine.pull(parse_image(name), registry_auth=auth)) as events:
        return [event async for event in events]


def test_the_engine_tells_about_itself(scene):
    info = scene.run(lambda engine, _: engine.info())
    assert info.version.startswith("20.") or int(info.version.partition(".")[0]) > 20
    assert info.api_version == "1.41" or info.version[:2] != "20"
    assert (info.os, info.architecture) in {("linux", "amd64"), ("linux", "arm64")}
    assert info.data_root.endswith("/data")
    assert info.https_proxy.startswith("http://127.0.0.1:")
    assert not info.is_podman


def test_an_image_is_found_by_tag_and_by_digest_or_is_none(scene, lab):
    scene.ensure("docker:mysql:8.0")
    image = lab.seeded["library/mysql:8.0"]

    async def action(engine, _):
        names = [
            "mysql:8.0",
            f"mysql:8.0@{image.digest}",
            f"docker.io/library/mysql@{image.digest}",
        ]
        found = [await engine.inspect_image(parse_image(name)) for name in names]
        return found, await engine.inspect_image(parse_image("mysql:9.9"))

    found, missing = scene.run(action)
    assert {x.id for x in found} == {image.id}
    assert found[0].repo_tags == ("mysql:8.0",)
    assert found[0].repo_digests == (f"mysql@{image.digest}",)
    assert found[0].size_bytes > 0
    assert missing is None


def test_a_private_image_with_and_without_its_password(scene, lab):
    name = f"{lab.ecr_host}/repository:1.0"
    auth = RegistryAuth("AWS", lab.ecr_password(), lab.ecr_host)
    events = scene.run(lambda engine, _: pull_all(engine, name, auth))
    assert events[-1].status.startswith("Status: ")
    for refused in (None, RegistryAuth("AWS", "wrong-password", lab.ecr_host)):
        lab.remove_image(name)
        with pytest.raises(e.RegistryLoginFailed) as failed:
            scene.run(lambda engine, _, auth=refused: pull_all(engine, name, auth))
        assert "wrong-password" not in failed.value.explain()


def test_an_expired_registry_token_is_told_from_a_missing_image(scene, lab):
    auth = RegistryAuth("AWS", lab.ecr_password(lifetime_s=-1), lab.ecr_host)
    with pytest.raises(e.RegistryLoginFailed, match="has expired"):
        scene.run(lambda engine, _: pull_all(engine, f"{lab.ecr_host}/repository:1.0", auth))


def test_credentials_do_not_show():
    auth = RegistryAuth("AWS", "very-secret", "host")
    call = Call("POST", "/images/create", 1.0, None, {"X-Registry-Auth": auth.header()})
    for shown in (repr(auth), repr(call), str(call)):
        assert "very-secret" not in shown
        assert auth.header() not in shown
    sent = json.loads(base64.urlsafe_b64decode(auth.header()))
    assert sent == {"username": "AWS", "password": "very-secret", "serveraddress": "host"}


def test_an_engine_behind_tls(scene, lab, tmp_path):
    (tmp_path / "ca.pem").write_bytes(lab.certificate_authority.read_bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(lab.folder / "server.pem", lab.folder / "server.key")

    async def copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def forward(reader, writer):
        upstream = await asyncio.open_unix_connection(str(lab.socket))
        async with asyncio.TaskGroup() as group:
            group.create_task(copy(reader, upstream[1]))
            group.create_task(copy(upstream[0], writer))

    async def scenario():
        server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        verified = []
        for verify in (False, True):
            tls = EngineTls(tmp_path, verify)
            engine = Engine(EngineAddress("a test", host="127.0.0.1", port=port, tls=tls))
            try:
                verified.append(await engine.info())
            except e.EngineAddressError as error:
                verified.append(error.message)
            finally:
                await engine.close()
        server.close()
        await server.wait_closed()
        return verified

    unverified, verified = asyncio.run(scenario())
    assert unverified.os == "linux"
    # The lab's certificate is for the registries' names, so checking it has to fail.
    assert "certificate" in verified.lower()


def test_answers_of_old_engines_and_of_podman_are_read():
    old = b'{"Id":"abc","RepoTags":["<none>:<none>"],"RepoDigests":null,"Size":5,"VirtualSize":6}'
    found = read_image(old)
    assert (found.id, found.repo_tags, found.repo_digests) == ("abc", (), ())
    assert (found.os, found.architecture) == ("", "")
    info = read_info(
        b'{"Architecture":"aarch64","HttpProxy":"http://user:secret@proxy:3128","Extra":[1]}',
        api_version="1.21",
        is_podman=True,
    )
    assert info.architecture == "arm64"
    assert info.http_proxy == "http://***@proxy:3128"
    podman = b'{"cause":"no such image","message":"nope: image not known","response":404}'
    assert read_message(podman) == "nope: image not known"
    assert read_message(b"plain text of API 1.21\n") == "plain text of API 1.21"


def test_what_an_engine_can_limit_is_read():
    info = read_info(
        b'{"CgroupDriver":"systemd","CgroupVersion":"2","MemoryLimit":false,"CpuCfsQuota":false,'
        b'"NCPU":8,"SecurityOptions":["name=seccomp,profile=default","name=rootless"]}',
        api_version="1.47",
        is_podman=False,
    )
    assert (info.cgroup_driver, info.cgroup_version) == ("systemd", "2")
    assert (info.limits_memory, info.limits_cpus, info.cpus) == (False, False, 8)
    assert info.is_rootless
    podman = read_info(b'{"CgroupVersion":"v2"}', api_version="1.41", is_podman=True)
    assert podman.cgroup_version == "2"
    # Engines that don't tell can do it.
    old = read_info(b'{"SecurityOptions":null}', api_version="1.21", is_podman=False)
    assert (old.limits_memory, old.limits_cpus, old.is_rootless) == (True, True, False)


def test_an_answer_that_cannot_be_read_is_an_error():
    with pytest.raises(e.DockerError, match="cannot read what the engine says"):
        read_image(b"<html>")
