"""What is on the device is not fetched; what is fetched is taken over and leaves nothing."""

from __future__ import annotations

import asyncio
import io
import os
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from download_bench import (
    NAME,
    URI,
    VERSION,
    Bench,
    StoreError,
    artifact,
    content,
    digest,
    wanted,
)

from greendock.artifacts.model import ComponentFiles, DownloadPlan, Staged
from greendock.artifacts.staging import Staging
from greendock.base.errors import ArtifactError, DeviceError, Retry
from greendock.recipe.model import Access, Artifact, Unarchive

DATA = content(300_000)
OTHER = content(200_000, seed=2)


def put(folder: Path, data: bytes, name: str = "model.bin") -> Path:
    """A file in an artifact folder."""
    path = folder / NAME / VERSION / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def stage(bench: Bench, plan: DownloadPlan) -> list[Staged]:
    staging = Staging(bench.paths)
    staged = []
    for files in plan.files:
        with_fetched = replace(files, folders=(*files.folders, *bench.folders))
        item = staging.stage(with_fetched, threading.Event())
        staging.swap(item)
        staging.finish(item)
        staged.append(item)
    return staged


def deploy(bench: Bench, *files: ComponentFiles) -> list[Staged]:
    async def run() -> list[Staged]:
        plan = await bench.fetch(*files)
        staged = stage(bench, plan)
        await bench.downloads.finish(plan)
        return staged

    return asyncio.run(run())


def live(bench: Bench, name: str = "model.bin") -> Path:
    return bench.paths.artifact_folder(NAME, VERSION) / name


def test_a_fetched_file_is_taken_over_not_copied(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    plan = asyncio.run(bench.fetch(wanted(artifact(DATA, execute=Access.ALL))))
    inode = bench.finished().stat().st_ino
    stage(bench, plan)
    asyncio.run(bench.downloads.finish(plan))
    status = live(bench).stat()
    assert (status.st_ino, status.st_nlink) == (inode, 1)
    assert status.st_mode & 0o555 == 0o555
    assert live(bench).read_bytes() == DATA
    assert bench.left() == []


def test_what_was_fetched_is_still_there_after_another_file_failed(bench: Bench) -> None:
    bad = "s3://bucket/bad.zip"
    bench.store.objects = {URI: DATA, bad: b"no zip"}
    files = wanted(artifact(DATA), artifact(b"no zip", bad, unarchive=Unarchive.ZIP))
    plan = asyncio.run(bench.fetch(files))
    with pytest.raises(ArtifactError):
        stage(bench, plan)
    assert not live(bench).exists()
    bench.again()
    deploy(bench, wanted(artifact(DATA)))
    assert live(bench).read_bytes() == DATA
    assert [uri for uri, _ in bench.store.reads].count(URI) == 1
    assert bench.left() == []


def test_what_was_deployed_is_neither_fetched_nor_staged_again(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    known = deploy(bench, wanted(artifact(DATA)))[0].content_id
    again = deploy(bench, wanted(artifact(DATA), content_id=known))[0]
    assert (again.content_id, again.swaps) == (known, ())
    assert len(bench.store.described) == 1


@pytest.mark.parametrize(
    ("where", "there", "listed", "is_fetched"),
    [
        ("live", DATA, artifact(DATA), False),
        ("live", OTHER, artifact(DATA), True),
        ("live", OTHER, artifact(), False),
        ("given", DATA, artifact(DATA), False),
        ("given", OTHER, artifact(), False),
        ("nowhere", b"", artifact(), True),
    ],
)
def test_what_is_there_counts_when_it_has_the_digest(
    bench: Bench, tmp_path: Path, where: str, there: bytes, listed: Artifact, is_fetched: bool
) -> None:
    bench.store.objects[URI] = DATA
    folder = {"live": bench.paths.artifacts, "given": tmp_path / "given"}.get(where)
    if folder is not None:
        put(folder, there)
    deploy(bench, wanted(listed, folders=(tmp_path / "given",)))
    assert live(bench).read_bytes() == (DATA if is_fetched else there)
    assert bool(bench.store.reads) is is_fetched


def test_a_link_that_a_component_put_there_is_no_file(bench: Bench, tmp_path: Path) -> None:
    bench.store.objects[URI] = DATA
    secret = tmp_path / "secret"
    secret.write_bytes(OTHER)
    live(bench).parent.mkdir(parents=True)
    live(bench).symlink_to(secret)
    deploy(bench, wanted(artifact()))
    assert not live(bench).is_symlink()
    assert live(bench).read_bytes() == DATA


def test_a_given_file_is_not_overridden_by_what_an_earlier_deployment_fetched(
    bench: Bench, tmp_path: Path
) -> None:
    uris = [URI, "s3://bucket/app/second.bin"]
    bench.store.objects = dict.fromkeys(uris, DATA)
    files = [artifact(DATA, uri) for uri in uris]
    asyncio.run(bench.fetch(wanted(*files)))
    put(tmp_path / "given", OTHER)
    bench.again()
    mine = [artifact(), artifact(DATA, uris[1])]
    deploy(bench, wanted(*mine, folders=(tmp_path / "given",)))
    assert live(bench).read_bytes() == OTHER
    assert live(bench, "second.bin").read_bytes() == DATA
    assert len(bench.store.reads) == 2


def test_a_missing_digest_is_said_only_of_what_is_fetched(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    plan = asyncio.run(bench.look(wanted(artifact())))
    assert len(plan.warnings) == 1
    assert URI in plan.warnings[0]
    put(bench.paths.artifacts, DATA)
    assert asyncio.run(bench.look(wanted(artifact()))).warnings == ()


def test_other_sources_are_missing_before_anything_is_asked(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    files = wanted(artifact(DATA), Artifact("greengrass:ABC/tool.py"))
    with pytest.raises(ArtifactError) as caught:
        asyncio.run(bench.look(files))
    assert "DEVICE_CONFIG_NOT_VALID_FOR_ARTIFACT_DOWNLOAD" in caught.value.codes
    assert bench.store.described == []


def test_more_than_fits_is_refused_with_numbers_before_it_is_fetched(bench: Bench) -> None:
    class Huge:
        size_bytes, etag = 1 << 60, "x"

    async def describe(uri: str) -> Huge:
        return Huge()

    bench.store.describe = describe  # type: ignore[method-assign,assignment]
    with pytest.raises(DeviceError) as caught:
        asyncio.run(bench.look(wanted(artifact(DATA))))
    assert "DISK_SPACE_CRITICAL" in caught.value.codes
    assert str(1 << 60) in caught.value.message
    assert bench.store.reads == []


def test_a_fetched_zip_is_unpacked(bench: Bench) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("inside/app.py", "print()")
    uri = "s3://bucket/app.zip"
    bench.store.objects[uri] = packed.getvalue()
    deploy(bench, wanted(artifact(packed.getvalue(), uri, unarchive=Unarchive.ZIP)))
    unpacked = bench.paths.unarchived_folder(NAME, VERSION) / "app" / "inside" / "app.py"
    assert unpacked.read_text() == "print()"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/..",
        "s3://bucket/a/.",
        "s3://bucket/a\x00b",
        "s3://bucket/a\nb",
        f"s3://bucket/{'n' * 241}",
        f"s3://bucket/{'ü' * 130}",
        "s3://bucket/\ud800",
    ],
)
def test_names_that_no_file_can_have_are_refused(bench: Bench, uri: str) -> None:
    bench.store.objects[uri] = DATA
    with pytest.raises(ArtifactError):
        asyncio.run(bench.fetch(wanted(artifact(DATA, uri))))
    assert bench.store.described == []
    assert bench.left() == []


@pytest.mark.parametrize(
    ("component", "version"),
    [("../x", "1.0.0"), ("a/b", "1.0.0"), (NAME, ".."), ("@partial", "1")],
)
def test_names_of_components_stay_in_their_folder(
    bench: Bench, component: str, version: str
) -> None:
    bench.store.objects[URI] = DATA
    with pytest.raises(ValueError, match="cannot be part of a path"):
        asyncio.run(bench.fetch(ComponentFiles(component, version, (artifact(DATA),), ())))
    assert bench.left() == []


def test_names_that_look_like_ours_do_no_harm(bench: Bench) -> None:
    names = ["x", "x.part", "x.json", "x.part.json", ".x", "-rf", "a b", "%2e%2e"]
    files = [artifact(content(9000, n), f"s3://bucket/{name}") for n, name in enumerate(names)]
    bench.store.objects = {f"s3://bucket/{x}": content(9000, n) for n, x in enumerate(names)}
    deploy(bench, wanted(*files))
    for number, name in enumerate(names):
        assert live(bench, name).read_bytes() == content(9000, number)


def test_parts_go_after_seven_days(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    bench.store.faults = [(100_000, StoreError(Retry.NEVER))]
    with pytest.raises(StoreError):
        asyncio.run(bench.fetch(wanted(artifact(DATA))))
    part = bench.parts()[0]
    for days, stays in ((6, True), (8, False)):
        then = bench.time.now() - days * 86400
        for path in part.parent.iterdir():
            os.utime(path, (then, then))
        asyncio.run(bench.downloads.finish(DownloadPlan()))
        assert part.exists() is stays
    assert list(bench.paths.downloads.iterdir()) == []


def archive_of(bench: Bench, listed: Artifact, folder: Path | None = None) -> DownloadPlan:
    folders = (folder,) if folder else ()
    return asyncio.run(bench.look(wanted(listed, folders=folders, archives=("model.bin",))))


def test_an_archive_is_fetched_only_when_it_is_wanted_and_does_not_stay(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    plan = archive_of(bench, artifact(DATA))
    archive = plan.archives[0]
    assert (archive.component, archive.version, archive.uri) == (NAME, VERSION, URI)
    assert plan.files[0].artifacts == ()
    assert digest(DATA) in archive.identity
    bench.folders = asyncio.run(bench.downloads.fetch(plan, bench.news.append))
    assert bench.store.reads == bench.store.described == []
    path = asyncio.run(archive.obtain())
    assert path.read_bytes() == DATA
    stage(bench, plan)
    asyncio.run(bench.downloads.finish(plan))
    assert not path.exists()
    assert not live(bench).exists()


def test_a_given_archive_is_used_where_it_is_and_not_staged(bench: Bench, tmp_path: Path) -> None:
    path = put(tmp_path / "given", DATA)
    put(tmp_path / "given", b"more", "notes.txt")
    plan = archive_of(bench, artifact(DATA), tmp_path / "given")
    assert asyncio.run(plan.archives[0].obtain()) == path
    bench.folders = ()
    stage(bench, plan)
    assert live(bench, "notes.txt").exists()
    assert not live(bench).exists()
    assert bench.store.described == []


def test_a_given_archive_has_to_have_its_digest(bench: Bench, tmp_path: Path) -> None:
    put(tmp_path / "given", OTHER)
    plan = archive_of(bench, artifact(DATA), tmp_path / "given")
    with pytest.raises(ArtifactError) as caught:
        asyncio.run(plan.archives[0].obtain())
    assert "ARTIFACT_CHECKSUM_MISMATCH" in caught.value.codes


def test_the_identity_of_an_archive_follows_its_content(bench: Bench, tmp_path: Path) -> None:
    def identity(folder: Path | None = None) -> str:
        return archive_of(bench, artifact(), folder).archives[0].identity

    bench.store.objects[URI] = DATA
    first = identity()
    assert identity() == first
    assert first.startswith("s3:")
    assert first.endswith(f":{len(DATA)}")
    bench.store.objects[URI] = OTHER
    assert identity() != first
    put(tmp_path / "given", DATA)
    given = identity(tmp_path / "given")
    assert given.startswith(f"file:{len(DATA)}:")
    put(tmp_path / "given", OTHER)
    assert identity(tmp_path / "given") != given


def loaded_before(identity: str, listed: Artifact) -> ComponentFiles:
    return wanted(listed, archives=("model.bin",), loaded={listed.uri: identity})


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("scheme", ["s3://bucket", "greengrass:com.example"])
def test_an_archive_that_was_loaded_before_needs_no_file(
    bench: Bench, scheme: str, offline: bool
) -> None:
    listed = artifact(uri=f"{scheme}/model.bin")
    files = loaded_before("file:1:2", listed)
    plan = asyncio.run(bench.downloads.look((files,), bench.news.append, offline=offline))
    assert [x.identity for x in plan.archives] == ["file:1:2"]
    assert bench.store.described == []


def test_its_file_is_missed_only_when_its_images_are_gone(bench: Bench) -> None:
    listed = artifact(uri="greengrass:com.example/model.bin")
    plan = asyncio.run(bench.look(loaded_before("file:1:2", listed)))
    with pytest.raises(ArtifactError, match="not on this device any more"):
        asyncio.run(plan.archives[0].obtain())


def test_offline_no_archive_is_fetched(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    files = loaded_before("s3:1:2", artifact())
    plan = asyncio.run(bench.downloads.look((files,), bench.news.append, offline=True))
    with pytest.raises(ArtifactError, match="nothing is fetched offline"):
        asyncio.run(plan.archives[0].obtain())
    unknown = wanted(artifact(), archives=("model.bin",))
    with pytest.raises(ArtifactError, match="nothing is fetched offline"):
        asyncio.run(bench.downloads.look((unknown,), bench.news.append, offline=True))
    assert bench.store.described == []
