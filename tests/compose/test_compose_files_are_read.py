"""What is read of compose files is what Compose itself reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from greendock.docker.compose.compose_file import read_project
from greendock.docker.compose.compose_use import compose_uses
from greendock.docker.compose.model import ComposeUse, Project

COMPOSE = {
    "v5": str(Path(sys.executable).parent / "docker-compose"),
    "v1": shutil.which("docker-compose", path="/usr/bin:/usr/local/bin") or "docker-compose",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read(path: str) -> str | None:
    try:
        return Path(path).read_text()
    except OSError:
        return None


def read_as_used(folder: Path, arguments: str, environment: dict[str, str]) -> Project:
    (use,) = compose_uses(f"docker-compose {arguments} up", str(folder), environment)
    return read_project(use, read)


def images_by_compose(
    which: str, folder: Path, arguments: str, environment: dict[str, str]
) -> set[str]:
    """By its own reading of the files; it needs no engine for that."""
    done = subprocess.run(
        [COMPOSE[which], *arguments.split(), "config"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "COMPOSE_PROJECT_NAME": "p", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    return {line.partition(": ")[2].strip("'\"") for line in lines if line.startswith("image:")}


BOTH, NEW = ("v1", "v5"), ("v5",)
BASIC = "services:\n  a:\n    image: one:1\n  b:\n    image: reg.test:5000/two/three@sha256:{0}\n"
CASES = {
    "plain": (BOTH, {"docker-compose.yml": 'version: "3"\n' + BASIC.format("a" * 64)}, "", {}),
    "other name": (NEW, {"compose.yaml": BASIC.format("b" * 64)}, "", {}),
    "given file": (
        BOTH,
        {"x/y.yaml": 'version: "3"\n' + BASIC.format("a" * 64)},
        "-f x/y.yaml",
        {},
    ),
    "override file": (
        BOTH,
        {
            "docker-compose.yml": 'version: "3"\nservices: {a: {image: one:1}, b: {image: "x:1"}}',
            "docker-compose.override.yml": 'version: "3"\nservices: {a: {image: one:2}}',
        },
        "",
        {},
    ),
    "several files": (
        BOTH,
        {
            "one.yml": 'version: "3"\nservices: {a: {image: one:1}, b: {image: "x:1"}}',
            "two.yml": 'version: "3"\nservices: {a: {image: one:2}, c: {image: "y:1"}}',
        },
        "-f one.yml -f two.yml",
        {},
    ),
    "files by variable": (
        BOTH,
        {
            "one.yml": 'version: "3"\nservices: {a: {image: one:1}}',
            "two.yml": 'version: "3"\nservices: {b: {image: two:1}}',
        },
        "",
        {"COMPOSE_FILE": "one.yml:two.yml"},
    ),
    "variables": (
        BOTH,
        {
            "docker-compose.yml": 'version: "3"\nservices:\n'
            "  a: {image: 'one:${TAG:-1}'}\n  b: {image: 'two:${NONE-3}'}\n"
            "  c: {image: '$REGISTRY/c:${TAG}'}\n  d: {image: 'd:${EMPTY:-4}'}\n"
            "  e: {image: 'e:x${EMPTY-5}'}\n  f: {image: 'f:${TAG:?no tag}'}\n",
        },
        "",
        {"TAG": "7", "REGISTRY": "reg.test", "EMPTY": ""},
    ),
    "variables of new versions": (
        NEW,
        {
            "compose.yaml": "services:\n  a: {image: 'one:${A:-${B:-9}}'}\n"
            "  b: {image: 'two:x${TAG:+set}'}\n  c: {image: 'three:x${NONE+set}'}\n",
        },
        "",
        {"TAG": "7"},
    ),
    "env file": (
        BOTH,
        {
            "docker-compose.yml": 'version: "3"\nservices: {a: {image: "one:$TAG"}, '
            'b: {image: "two:$OTHER"}}',
            ".env": "# comment\nTAG=5\nOTHER='6'\n",
        },
        "",
        {"OTHER": "7"},
    ),
    "given env file": (
        BOTH,
        {
            "docker-compose.yml": 'version: "3"\nservices: {a: {image: "one:$TAG"}}',
            ".env": "TAG=5\n",
            "my.env": "TAG=6\n",
        },
        "--env-file my.env",
        {},
    ),
    "env file of new versions": (
        NEW,
        {
            "compose.yaml": 'services: {a: {image: "one:$A"}, b: {image: "two:$B"}, '
            'c: {image: "three:$C"}}',
            ".env": 'export A="1"\nB=x${A}y # more\nC=${NONE:-3}\n',
        },
        "",
        {},
    ),
    "project folder": (
        BOTH,
        {
            "x/docker-compose.yml": 'version: "3"\nservices: {a: {image: "one:$TAG"}}',
            "x/.env": "TAG=5\n",
            "y/.env": "TAG=6\n",
        },
        "--project-directory y -f x/docker-compose.yml",
        {},
    ),
    "extends": (
        NEW,
        {
            "compose.yaml": "services:\n  a: {extends: {service: base, file: sub/base.yaml}}\n"
            "  b: {extends: {service: a}}\n  c: {extends: base2, image: c:1}\n"
            "  base2: {image: base2:1}\n",
            "sub/base.yaml": "services: {base: {image: 'base:1'}}",
        },
        "",
        {},
    ),
    "include": (
        NEW,
        {
            "compose.yaml": "include:\n- sub/compose.yaml\n- path: [s2/a.yaml, s2/b.yaml]\n"
            "  env_file: my.env\nservices: {a: {image: 'one:1'}}",
            "sub/compose.yaml": "services: {b: {image: 'two:$TAG'}}",
            "sub/.env": "TAG=8",
            "s2/a.yaml": "services: {c: {image: 'three:$TAG'}}",
            "s2/b.yaml": "services: {c: {container_name: xyz}, d: {image: 'four:1'}}",
            "my.env": "TAG=9",
        },
        "",
        {},
    ),
    "profiles": (
        NEW,
        {
            "compose.yaml": "services:\n  a: {image: 'one:1'}\n  b: {image: 'two:1', "
            "profiles: [debug]}\n  c: {image: 'three:1', profiles: [other]}\n",
        },
        "--profile debug",
        {},
    ),
    "profiles by variable": (
        NEW,
        {
            "compose.yaml": "services:\n  a: {image: 'one:1'}\n  b: {image: 'two:1', "
            "profiles: [debug]}\n  c: {image: 'three:1', profiles: [other]}\n",
        },
        "",
        {"COMPOSE_PROFILES": "debug,x"},
    ),
    "anchors": (
        BOTH,
        {
            "docker-compose.yml": 'version: "3.4"\nx-base: &base\n  image: one:1\nservices:\n'
            "  a:\n    <<: *base\n  b:\n    <<: *base\n    image: two:1\n",
        },
        "",
        {},
    ),
    "tags": (
        NEW,
        {
            "one.yaml": "services: {a: {image: 'one:1', ports: ['1:1']}, b: {image: 'two:1'}}",
            "two.yaml": "services:\n  a:\n    ports: !override ['2:2']\n  b:\n"
            "    image: !reset null\n    build: .\n",
        },
        "-f one.yaml -f two.yaml",
        {},
    ),
    "a folder above": (NEW, {"compose.yaml": BASIC.format("c" * 64), "sub/x": ""}, "", {}),
}


@pytest.mark.parametrize(
    ("name", "which"), [(name, which) for name, case in CASES.items() for which in case[0]]
)
def test_images_are_those_that_compose_reads(tmp_path: Path, name: str, which: str) -> None:
    _, files, arguments, environment = CASES[name]
    write(tmp_path, files)
    folder = tmp_path / "sub" if name == "a folder above" else tmp_path
    expected = images_by_compose(which, folder, arguments, environment)
    project = read_as_used(folder, arguments, environment)
    assert set(project.images) == expected
    assert project.problems == ()


def project_of(text: str, **more: object) -> Project:
    use = ComposeUse("/a", environment={}, **more)  # type: ignore[arg-type]
    return read_project(use, {"/a/compose.yaml": text}.get)


def test_a_service_that_is_built_or_never_pulled_is_not_fetched() -> None:
    project = project_of(
        "services:\n  a: {image: 'one:1', build: .}\n  b: {image: 'two:1', pull_policy: never}\n"
        "  c: {image: 'three:1', pull_policy: always}\n  d: {build: .}\n"
    )
    assert project.images == ("three:1",)


def test_named_services_bring_what_they_depend_on() -> None:
    text = (
        "services:\n  a: {image: 'a:1', depends_on: [b]}\n"
        "  b: {image: 'b:1', depends_on: {c: {condition: service_started}}}\n"
        "  c: {image: 'c:1', profiles: [p]}\n  d: {image: 'd:1'}\n"
    )
    assert project_of(text, services=("a",)).images == ("a:1", "b:1", "c:1")
    assert project_of(text, services=("d",)).images == ("d:1",)
    assert project_of(text, profiles=("*",)).images == ("a:1", "b:1", "c:1", "d:1")


def test_the_rest_of_a_service_is_read_too() -> None:
    project = project_of(
        "services:\n  a:\n    image: one:1\n    container_name: my-one\n"
        "    ports: ['8080:80', 9000, {published: 53, target: 53, protocol: udp}]\n"
        "    devices: ['/dev/ttyS0:/dev/ttyS0']\n    volumes: ['data:/data', {type: bind, "
        "source: /a, target: /b}]\n    network_mode: host\n"
    )
    (service,) = project.services
    assert service.container_name == "my-one"
    assert service.ports == ("8080:80", "9000", "53:53")
    assert service.devices == ("/dev/ttyS0:/dev/ttyS0",)
    assert service.volumes == ("data:/data", "/a:/b")
    assert service.network_mode == "host"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services: [", "no YAML"),
        ("- a", "no map"),
        ("services: {a: {image: 'x:${TAG:?give one}'}}", "needs the variable TAG"),
        ("services: {a: {image: 'x:${TAG'}}", "nothing closes"),
        ("[" * 1000, "nests too deeply"),
        ("a: " + "{a: " * 200 + "1" + "}" * 200, "nests too deeply"),
        ("#" * 300_000, "KiB"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
    ],
)
def test_what_cannot_be_read_is_a_problem_to_tell(text: str, words: str) -> None:
    project = project_of(text)
    assert project.services == ()
    assert len(project.problems) == 1
    assert words in project.problems[0]
    assert project.problems[0].startswith("/a/compose.yaml")


def test_merge_keys_that_would_explode_are_read_or_given_up() -> None:
    levels = ["a0: &a0 {k0: 1}"]
    for level in range(1, 12):
        aliases = ", ".join([f"*a{level - 1}"] * 9)
        levels.append(f"a{level}: &a{level} {{<<: [{aliases}], k{level}: 1}}")
    # 9 ** 11 entries would not end.
    assert project_of("\n".join(levels)).services == ()


def test_aliases_are_never_written_out() -> None:
    levels = ["x0: &x0 [a, b]"]
    levels += [f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]" for n in range(1, 40)]
    levels.append(
        "services: {a: {image: 'a:1', depends_on: *x39, ports: *x39, volumes: [{source: *x39}], "
        "devices: [*x39], profiles: *x39, extends: {service: *x39}}}"
    )
    project = project_of("\n".join(levels), services=("a",))
    assert project.images == ("a:1",)


def test_files_that_include_many_files_end() -> None:
    names = [f"f{number}.yaml" for number in range(40)]
    include = f"include: [{', '.join(names)}]\n"
    files = {f"/a/{name}": include for name in names}
    files["/a/compose.yaml"] = f"{include}services: {{a: {{image: 'a:1'}}}}"
    project = read_project(ComposeUse("/a"), files.get)
    assert project.images == ("a:1",)
    assert "too many parts" in project.problems[0]


def test_many_services_may_extend_one_of_another_file() -> None:
    extends = "{extends: {service: base, file: base.yaml}}"
    services = "".join(f"  s{number}: {extends}\n" for number in range(100))
    files = {
        "/a/compose.yaml": f"services:\n{services}",
        "/a/base.yaml": "services: {base: {image: 'base:1'}}",
    }
    project = read_project(ComposeUse("/a"), files.get)
    assert len(project.services) == 100
    assert project.problems == ()


def test_more_text_than_a_project_can_have_is_given_up() -> None:
    names = [f"f{number}.yaml" for number in range(20)]
    files = {f"/a/{name}": "#" * 200_000 for name in names}
    files["/a/compose.yaml"] = f"include: [{', '.join(names)}]"
    project = read_project(ComposeUse("/a"), files.get)
    assert "too much text" in project.problems[0]


def test_files_that_include_each_other_end() -> None:
    files = {
        "/a/compose.yaml": "include: [b.yaml, b.yaml, b.yaml]\nservices: {a: {image: 'a:1'}}",
        "/a/b.yaml": "include: [compose.yaml, compose.yaml]\nservices: {b: {image: 'b:1'}}",
    }
    project = read_project(ComposeUse("/a"), files.get)
    assert set(project.images) == {"a:1", "b:1"}


def test_services_that_extend_each_other_end() -> None:
    project = project_of("services:\n  a: {extends: b, image: 'a:1'}\n  b: {extends: a}\n")
    assert set(project.images) == {"a:1"}


def test_a_file_that_is_not_there_is_left_alone() -> None:
    assert read_project(ComposeUse("/a", files=("/b/x.yaml",)), {}.get) == Project()
    assert read_project(ComposeUse("/a"), {}.get) == Project()
