"""The texts and refusals of `greendock bundle`, as far as no core is needed."""

from __future__ import annotations

import json

import pytest
from made import APP, HERE, IMAGE, write_bundle
from msgspec.structs import replace

from greendock.bundle.index import Platform
from greendock.bundle.reader import BundleFile
from greendock.cli.bundle_images import save_names, wrong_platforms
from greendock.cli.bundle_import import deployment_request, require_platform
from greendock.cli.bundle_progress import ByteProgress
from greendock.cli.bundle_text import digest_warning
from greendock.cli.errors import ArgumentsError, CliError
from greendock.cli.main import main
from greendock.docker.engine.model import read_info


def test_inspect_shows_and_checks(tmp_path, capsys):
    file = tmp_path / "x"
    write_bundle(file, {"a": b"1" * 1500}, b"images" * 200)
    assert main(["bundle", "inspect", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: {file.stat().st_size / 1000:.1f} kB, made 2026-01-02T03:04:05Z by "
        f"Greendock 1.2.3 on {HERE}",
        f"deploys {APP} 1.0.0",
        f"  component {APP} 1.0.0, 1 file of 1.5 kB",
        "  image registry.lab.test:5443/team/app:1.0, id a1a1a1a1a1a1, 1.2 kB",
        "all checksums are right",
    ]
    assert main(["bundle", "inspect", str(file), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["verified"] is True
    assert shown["components"][0]["artifacts"][0] == {
        "path": "a",
        "size": 1500,
        "sha256": shown["members"][1]["sha256"],
        "mode": "0640",
    }


def test_inspect_of_a_damaged_bundle_fails(tmp_path, capsys):
    file = tmp_path / "x"
    write_bundle(file, {"a": b"find me"})
    file.write_bytes(file.read_bytes().replace(b"find me", b"Find me"))
    assert main(["bundle", "inspect", str(file)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"error: cannot use {file}: artifacts/{APP}/1.0.0/a was changed" in told.err
    assert "hint: copy the file again" in told.err
    assert main(["bundle", "inspect", str(file), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["codes"] == ["ARTIFACT_CHECKSUM_MISMATCH"]


@pytest.mark.parametrize("verb", [["create", "-o", "x"], ["import", "x"]])
def test_no_core_is_exit_code_three(tmp_path, monkeypatch, capsys, verb):
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "x.bundle")
    verb = [word.replace("x", "x.bundle") for word in verb]
    assert main(["bundle", *verb, "--root", str(tmp_path / "root")]) == 3
    assert "cannot reach a core" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--no-wait", "--timeout", "3"],
        ["--no-deploy", "--no-wait"],
        ["--no-deploy", "-m", "a=1.0.0"],
        ["--timeout", "0"],
        [],
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(options, capsys):
    argv = ["bundle", "import", *(["x"] if options else []), *options]
    assert main(argv) == 2
    assert capsys.readouterr().err


def index(tmp_path):
    return write_bundle(tmp_path / "x", {"a": b"1"}, b"images")


def test_a_request_deploys_the_roots_without_registries(tmp_path):
    options = {"rootComponentVersionsToAdd": {"other": "2.0.0"}, "groupName": "g"}
    assert deployment_request(index(tmp_path), options) == {
        "rootComponentVersionsToAdd": {"other": "2.0.0", APP: "1.0.0"},
        "groupName": "g",
        "failureHandlingPolicy": "ROLLBACK",
        "offline": True,
    }
    keeps = {"failureHandlingPolicy": "DO_NOTHING"}
    assert deployment_request(index(tmp_path), keeps)["failureHandlingPolicy"] == "DO_NOTHING"


@pytest.mark.parametrize(
    "options",
    [{"rootComponentVersionsToAdd": {APP: "2.0.0"}}, {"rootComponentsToRemove": [APP]}],
)
def test_options_against_the_bundle_are_refused(tmp_path, options):
    with pytest.raises(ArgumentsError, match=APP):
        deployment_request(index(tmp_path), options)


def test_another_platform_is_refused_unless_forced(tmp_path, capsys):
    write_bundle(tmp_path / "x", platform=Platform("linux", "vax"))
    with BundleFile(tmp_path / "x") as bundle:
        with pytest.raises(CliError, match=f"made on linux/vax, this device is {HERE}"):
            require_platform(bundle, force=False)
        require_platform(bundle, force=True)
    assert "warning: " in capsys.readouterr().err
    write_bundle(tmp_path / "x")
    with BundleFile(tmp_path / "x") as bundle:
        require_platform(bundle, force=False)


def test_images_for_another_processor_are_named():
    body = b'{"OSType": "linux", "Architecture": "x86_64"}'
    info = read_info(body, api_version="1.41", is_podman=False)
    images = [
        replace(IMAGE, os="linux", architecture=architecture, reference=architecture)
        for architecture in ("amd64", "386", "arm64", "")
    ]
    assert wrong_platforms(images, info) == ["arm64 (linux/arm64)"]


def test_names_to_save_are_there_once():
    by_id = replace(IMAGE, name_and_tag=None)
    assert save_names([IMAGE, by_id, IMAGE, by_id]) == [IMAGE.name_and_tag, IMAGE.image_id]


def test_digests_are_warned_of():
    assert digest_warning(IMAGE) is None
    assert "named by its digest" in str(digest_warning(replace(IMAGE, by_digest=True)))


def test_progress_is_told_every_two_seconds(capsys):
    now_s = [0.0]
    progress = ByteProgress("writing", 5_000_000, lambda: now_s[0])
    for second in (1, 2, 2.5, 3.9, 4.1):
        now_s[0] = second
        progress.add(1_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "writing: 2.0 MB of 5.0 MB",
        "writing: 5.0 MB of 5.0 MB",
    ]
