"""Which scripts leave nothing but their container to go on with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.containers.script_kind import Kind, kind_of

RUN, UP, NONE = Kind.DOCKER_RUN, Kind.COMPOSE_UP, Kind.NONE


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("docker run --rm hello-world", RUN),
        ("docker run --rm -e SVCUID=$SVCUID -v $AWS_GG_X:/s mysql:8.0", RUN),
        ("docker run image sh -c 'a; b || c & d'", RUN),
        ("docker run image run -d", RUN),
        ("docker container run --rm x", RUN),
        ("/usr/bin/docker run x\n\n# the end\n", RUN),
        ("docker run \\\n  --name d \\\n  -p 80:80 \\\n  x\n", RUN),
        ("exec docker run x", RUN),
        ("set -eu\ncd /tmp && docker run x", RUN),
        ("NAME=x\nexport NAME=y; docker run --name $NAME x", RUN),
        ("docker rm -f x || true\ndocker run --name x image", RUN),
        ("docker rm -f x 2>/dev/null || :; exec docker run --name x image 2>&1", RUN),
        ("docker pull x && docker run x", RUN),
        ("docker run -it x", RUN),
        ("docker run --env -d x", RUN),
        ("docker run -e -d x", RUN),
        ("docker run -ed=1 x", RUN),
        ("docker run --name=-d -v d:/d x", RUN),
        ("docker run --detach=false x", RUN),
        ('docker run "$IMAGE"', RUN),
        ("docker --log-level debug run x", RUN),
        ("docker run -d x", NONE),
        ("docker run -itd x", NONE),
        ("docker run -dp 80:80 x", NONE),
        ("docker run -i --detach x", NONE),
        ("docker run --detach=true x", NONE),
        ("docker run $OPTIONS x", NONE),
        ("docker run", NONE),
        ("docker run -Z x", NONE),
        ("docker run x &", NONE),
        ("docker run x & wait", NONE),
        ("docker run x; echo done", NONE),
        ("docker run x\necho done", NONE),
        ("docker run x || true", NONE),
        ("docker run x && docker run y", NONE),
        ("docker run x; docker run y", NONE),
        ("docker run x | tee log", NONE),
        ("echo y | docker run -i x", NONE),
        ("docker run x > /tmp/log", NONE),
        ("docker run -i x < /tmp/in", NONE),
        ("docker run -i x <<EOF\nhello\nEOF\n", NONE),
        ("while true; do docker run x; done", NONE),
        ("if true; then docker run x; fi", NONE),
        ("for i in 1 2; do docker run x; done", NONE),
        ("(docker run x)", NONE),
        ("{ docker run x; }", NONE),
        ("! docker run x", NONE),
        ("run() { docker run x; }\nrun", NONE),
        ("trap 'docker stop x' EXIT\ndocker run x", NONE),
        ("python3 monitor.py & docker run x", NONE),
        ("python3 prepare.py\ndocker run x", NONE),
        ("docker run -d y\ndocker run x", NONE),
        ("NAME=$(docker run -d y)\ndocker run x", NONE),
        ("docker run -e A=`date` x", NONE),
        ('docker run -e A="$(date)" x', NONE),
        ("sudo docker run x", NONE),
        ("timeout 5 docker run x", NONE),
        ("docker -H tcp://other run x", NONE),
        ("docker --context other run x", NONE),
        ("DOCKER_HOST=tcp://other docker run x", NONE),
        ("export DOCKER_HOST=tcp://other\ndocker run x", NONE),
        ("unset DOCKER_HOST\ndocker run x", NONE),
        ("test -e x || docker run x", NONE),
        ("docker start -a x", NONE),
        ("docker run 'x", NONE),
        ("sh -c 'docker run x'", NONE),
        ("", NONE),
        ("# docker run x", NONE),
        ("docker-compose up", UP),
        ("docker compose up", UP),
        ("docker-compose -f /a/b.yaml up", UP),
        ("docker-compose --project-directory d -f a -f b -p n up --build web --scale web=2", UP),
        ("docker compose --profile p up --timeout 5", UP),
        ("cd /a && docker-compose pull && docker-compose up --force-recreate", UP),
        ("docker-compose up -t -d", UP),
        ("docker-compose up -d", NONE),
        ("docker-compose up web -d", NONE),
        ("docker compose up --wait", NONE),
        ("docker compose up --no-start", NONE),
        ("docker compose up --abort-on-container-exit", NONE),
        ("docker compose up --exit-code-from web", NONE),
        ("docker compose -H tcp://x up", NONE),
        ("docker-compose up --unheard-of", NONE),
        ("docker-compose up $SERVICES", NONE),
        ("docker-compose run web", NONE),
        ("docker-compose up; docker-compose down", NONE),
    ],
)
def test_a_script_is_of_a_kind_only_when_that_is_certain(script, kind):
    assert kind_of(script) is kind


@given(st.text(alphabet="ab \n\t'\"\\$(){}`|&;<>#=-d", max_size=40))
def test_no_text_is_too_odd(text):
    assert kind_of(text) in Kind
    assert kind_of(f"{text}; docker run -d x") is NONE


@given(st.text(alphabet="ab \n\\'\"$`|&;<>()#=", max_size=30))
def test_what_is_quoted_changes_nothing(text):
    quoted = "'" + text.replace("'", "'\\''") + "'"
    assert kind_of(f"docker run -e A={quoted} x") is RUN
    assert kind_of(f"docker run -e A={quoted} -d x") is NONE
