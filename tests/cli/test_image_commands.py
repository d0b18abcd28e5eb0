"""`greendock image …`: explaining needs nobody, listing and pruning ask the core."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendock.cli.image_explanation import explain_uri, explanation_lines
from greendock.cli.main import main

DIGEST = "sha256:" + "a" * 64
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """Neither a core nor an engine."""
    monkeypatch.setenv("GGC_ROOT_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


def explained(capsys, uri):
    assert main(["image", "explain", "--json", uri]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("uri", "members"),
    [
        (
            "docker:mysql",
            {
                "registry": "docker.io",
                "repository": "library/mysql",
                "tag": "latest",
                "digest": None,
                "kind": "docker-hub",
                "account": None,
                "region": None,
            },
        ),
        (
            f"docker:{ECR}/team/app@{DIGEST}",
            {
                "registry": ECR,
                "repository": "team/app",
                "tag": None,
                "digest": DIGEST,
                "kind": "ecr-private",
                "account": "123456789012",
                "region": "eu-west-1",
            },
        ),
        (
            f"docker:public.ecr.aws/a/b:1@{DIGEST}",
            {"registry": "public.ecr.aws", "tag": "1", "digest": DIGEST, "kind": "ecr-public"},
        ),
        (f"docker:{ECR}.evil.tld/a:1", {"kind": "other", "account": None, "region": None}),
    ],
)
def test_a_valid_uri_is_taken_apart(nobody, capsys, uri, members):
    found = explained(capsys, uri)
    assert (found["valid"], found["error"]) == (True, None)
    assert {name: found[name] for name in members} == members
    assert (found["present"], found["imageId"], found["credentials"]) == (None, None, None)


@pytest.mark.parametrize(
    ("uri", "part"),
    [
        ("mysql:8.0", "scheme"),
        ("docker:", "image"),
        ("docker:Mysql", "repository"),
        ("docker:mysql:", "tag"),
        ("docker:mysql@sha256:12", "digest"),
        ("docker:host:port/a", "registry"),
        (f"docker:{ECR}/repository[:tag|@digest]", "tag"),
    ],
)
def test_an_invalid_uri_is_said_with_the_part_that_is_wrong(nobody, capsys, uri, part):
    found = explained(capsys, uri)
    assert found["valid"] is False
    assert found["error"]["part"] == part
    assert found["error"]["reason"]
    assert {found[name] for name in ("registry", "repository", "tag", "kind")} == {None}
    assert main(["image", "explain", uri]) == 1
    text = capsys.readouterr().err
    caret = next(line for line in text.splitlines() if line.strip().startswith("^"))
    assert caret == f"  {' ' * found['error']['position']}^ {part}"


def test_a_core_adds_what_it_knows(core, capsys):
    found = explained(capsys, "docker:mysql:8.0")
    assert core.images.explained == ["docker:mysql:8.0"]
    assert (found["present"], found["imageId"]) == (True, DIGEST)
    assert found["credentials"] == "password file /etc/secret"
    assert main(["image", "explain", "docker:mysql:8.0"]) == 0
    assert f"On this device: yes, {DIGEST}" in capsys.readouterr().out


def test_a_core_is_not_asked_for_what_is_no_image(core, capsys):
    explained(capsys, "docker:a b")
    assert core.images.explained == []


def test_list_says_why_each_image_is_kept(core, row, capsys):
    core.images.rows = [
        row("sha256:" + "b" * 64, "web:1", why="needed by com.example.Web 1.0.0", would_go=False),
        row(DIGEST, "old:1", "old:2", size_bytes=9_000_000),
    ]
    assert main(["image", "list"]) == 0
    heading, largest, other = capsys.readouterr().out.splitlines()
    assert heading.split() == ["IMAGE", "ID", "SIZE", "WHY"]
    assert largest.startswith("old:1 (+1)  aaaaaaaaaaaa")
    assert largest.endswith("unneeded: nothing needs it; `greendock image prune` removes it")
    assert other.endswith("needed by com.example.Web 1.0.0")
    assert main(["image", "list", "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert [image["unneeded"] for image in images] == [False, True]


def test_no_images(core, capsys):
    assert main(["image", "list"]) == 0
    assert capsys.readouterr().out == "The engine has no images.\n"


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_prune_says_what_goes(core, row, capsys, options):
    core.images.rows = [row(DIGEST, "old:1")]
    core.images.warnings = ("one could not be removed",)
    assert main(["image", "prune", *options]) == 0
    out, err = capsys.readouterr()
    assert core.images.pruned == [bool(options)]
    verb = "would be removed" if options else "removed"
    assert f"old:1 (aaaaaaaaaaaa): {verb}, nothing needs it" in out
    assert f"1 image {verb}, " in out
    assert err == "warning: one could not be removed\n"


NAME = st.text(st.sampled_from("abcXYZ019._-/:@[]$ \x00é"), max_size=300)


@settings(max_examples=10_000)
@given(NAME | st.text(max_size=300))
def test_nothing_makes_it_stumble(text):
    found = explain_uri(f"docker:{text}")
    assert found["valid"] is (found["error"] is None)
    assert explanation_lines(f"docker:{text}", found)


@pytest.mark.parametrize("piece", ["a", "a_", "a-", "a.", "a/", "A", "[", "1:", "@sha256:a"])
def test_long_names_take_no_longer_than_their_length(piece):
    for length in (1_000, 100_000):
        explain_uri("docker:" + piece * (length // len(piece)) + "!")
