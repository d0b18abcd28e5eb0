"""What in a script or its environment would make containers that are nobody's."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.recipe.parse import check_text
from greendock.recipe.shell.docker_bypass import bypasses

HEAD = "RecipeFormatVersion: 2020-01-25\nComponentName: a.b\nComponentVersion: 1.0.0\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("sudo docker run x", "sudo"),
        ("sudo -u root docker run x", "sudo"),
        ("sudo -n docker-compose up -d", "sudo"),
        ("sudo --preserve-env=HOME docker run x", "sudo"),
        ("cd /x && sudo docker compose up", "sudo"),
        ("if true; then\n  sudo docker ps\nfi", "sudo"),
        ("sh -c 'sudo docker ps'", "sudo"),
        ("for x in $(sudo docker ps -q); do :; done", "sudo"),
        ("docker -H tcp://h:1 ps", "--host"),
        ("docker -Htcp://h:1 ps", "--host"),
        ("docker --host=tcp://h:1 ps", "--host"),
        ("docker --context other run x", "--context"),
        ("docker -c other run x", "--context"),
        ("docker-compose -H unix:///var/run/docker.sock up", "--host"),
        ("docker compose --context c up", "--context"),
        ("DOCKER_HOST=unix:///var/run/docker.sock docker run x", "sets DOCKER_HOST"),
        ("export DOCKER_HOST=tcp://h:1", "sets DOCKER_HOST"),
        ("DOCKER_HOST=tcp://h:1\nexport DOCKER_HOST", "sets DOCKER_HOST"),
        ("export DOCKER_CONTEXT=x; docker ps", "sets DOCKER_CONTEXT"),
        ("unset DOCKER_HOST", "takes away DOCKER_HOST"),
        ("env -u DOCKER_HOST docker ps", "takes away DOCKER_HOST"),
        ("env DOCKER_HOST=tcp://h docker ps", "sets DOCKER_HOST"),
        ("sudo DOCKER_HOST=tcp://h docker ps", "sets DOCKER_HOST"),
        ("curl --unix-socket /var/run/docker.sock http://d/info", "curl"),
        ("echo x | socat - UNIX-CONNECT:/run/docker.sock", "socat"),
        ("docker run -v /var/run/docker.sock:/var/run/docker.sock x", "mounts"),
        ("docker run --volume=/run/docker.sock:/s:ro x", "mounts"),
        ("docker run --mount type=bind,source=/var/run/docker.sock,target=/s x", "mounts"),
    ],
)
def test_a_way_around_is_told_once_with_a_remedy(script, words):
    (found,) = bypasses(script)
    assert words in found.what
    assert "not the component's own" in found.what
    assert found.fix


@pytest.mark.parametrize(
    "script",
    [
        "docker run x",
        "docker-compose -f x up",
        "docker compose -p n up",
        "sudo -E docker run x",
        "sudo --preserve-env docker run x",
        "sudo --preserve-env=HOME,DOCKER_HOST docker run x",
        "sudo DOCKER_HOST=$DOCKER_HOST docker run x",
        "sudo apt-get install docker.io",
        "sudo usermod -aG docker $USER",
        "sudo systemctl restart docker",
        "docker -H $DOCKER_HOST ps",
        'docker -H "${DOCKER_HOST}" ps',
        "export DOCKER_HOST",
        "export DOCKER_HOST=$DOCKER_HOST",
        'echo "run: sudo docker ps"',
        "# sudo docker ps",
        "docker run x docker -H tcp://h ps",
        "docker run -h myhost x",
        "docker run -c 512 x",
        "docker run -e DOCKER_HOST=tcp://h x",
        "test -S /var/run/docker.sock",
        "docker run -v /var/run/docker.sock.d:/x x",
        "cat <<EOF > readme\nsudo docker ps\nEOF\n",
        "docker 'run",
    ],
)
def test_what_is_no_way_around_is_not_told(script):
    # `${DOCKER_HOST}` with braces is the same variable.
    assert bypasses(script) == ()


def test_the_text_of_the_script_is_not_repeated():
    (found,) = bypasses("sudo docker run -e PASSWORD=secret x")
    assert "secret" not in found.what + found.fix


@pytest.mark.parametrize(
    ("lifecycle", "line"),
    [
        ("{Run: {Script: sudo docker run x}}", 5),
        ("{Install: 'docker -H tcp://h pull x'}", 5),
        ("{Setenv: {DOCKER_HOST: 'tcp://h'}, Run: x}", 5),
        ("{Run: {Script: x, Setenv: {DOCKER_CONTEXT: c}}}", 5),
    ],
)
def test_the_check_of_recipes_warns(lifecycle, line):
    recipe, findings = check_text(
        f"{HEAD}Manifests:\n- Lifecycle: {lifecycle}\n".encode(), Path("r.yaml"), is_json=False
    )
    assert recipe is not None
    assert [(f.severity.value, f.rule, f.line) for f in findings] == [
        ("warning", "docker-bypass", line)
    ]


@given(st.text(alphabet="sudo ckernvHc-=/\n\t'\"\\$(){}`|&;<>", max_size=60))
def test_no_script_is_too_odd_to_look_at(text):
    assert isinstance(bypasses(text), tuple)
