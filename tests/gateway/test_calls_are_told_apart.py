"""A method and a target have one meaning, the engine's, or are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.gateway.calls import Act, read_call
from greendock.docker.gateway.target import AmbiguousTarget, read_target

CALLS = [
    ("GET", "/containers/json", Act.READ, "", ""),
    ("GET", "/_ping", Act.READ, "", ""),
    ("HEAD", "/_ping", Act.READ, "", ""),
    ("GET", "/containers/x/logs?follow=1", Act.READ, "", ""),
    ("GET", "/containers/x/archive?path=/", Act.READ, "", ""),
    ("GET", "/containers/x/attach/ws", Act.ATTACH, "x", "attach/ws"),
    ("POST", "/containers/create?name=a", Act.CREATE_CONTAINER, "", ""),
    ("POST", "/v1.41/containers/create", Act.CREATE_CONTAINER, "", ""),
    ("POST", "/v1.41/libpod/containers/create", Act.CREATE_CONTAINER, "", ""),
    ("POST", "/libpod/containers/x/stop", Act.CHANGE_CONTAINER, "x", "stop"),
    ("POST", "/containers/x/start", Act.START_CONTAINER, "x", "start"),
    ("POST", "/containers/x/stop?t=1", Act.CHANGE_CONTAINER, "x", "stop"),
    ("POST", "/containers/x/kill", Act.CHANGE_CONTAINER, "x", "kill"),
    ("POST", "/containers/x/restart", Act.CHANGE_CONTAINER, "x", "restart"),
    ("POST", "/containers/x/pause", Act.CHANGE_CONTAINER, "x", "pause"),
    ("POST", "/containers/x/unpause", Act.CHANGE_CONTAINER, "x", "unpause"),
    ("POST", "/containers/x/rename?name=y", Act.CHANGE_CONTAINER, "x", "rename"),
    ("POST", "/containers/x/resize", Act.CHANGE_CONTAINER, "x", "resize"),
    ("POST", "/containers/x/update", Act.UPDATE_CONTAINER, "x", "update"),
    ("POST", "/containers/x/attach", Act.ATTACH, "x", "attach"),
    ("POST", "/containers/x/wait", Act.WAIT, "x", "wait"),
    ("POST", "/containers/x/copy", Act.READ, "x", "copy"),
    ("POST", "/containers/x/exec", Act.CREATE_EXEC, "x", "exec"),
    ("PUT", "/containers/x/archive?path=/", Act.CHANGE_CONTAINER, "x", "archive"),
    ("DELETE", "/containers/x?force=1", Act.REMOVE_CONTAINER, "x", ""),
    ("DELETE", "/containers/parent/alias?link=1", Act.REMOVE_CONTAINER, "parent/alias", ""),
    ("DELETE", "/containers/x/checkpoints/c", Act.CHECKPOINT, "x", "checkpoints"),
    ("POST", "/containers/x/checkpoints", Act.CHECKPOINT, "x", "checkpoints"),
    ("POST", "/libpod/containers/x/restore", Act.CHECKPOINT, "x", "restore"),
    ("POST", "/containers/a/start/exec", Act.CREATE_EXEC, "a/start", "exec"),
    ("POST", "/exec/e/start", Act.START_EXEC, "e", "start"),
    ("POST", "/exec/e/resize", Act.START_EXEC, "e", "resize"),
    ("POST", "/containers/prune", Act.PRUNE_OWN, "", "prune"),
    ("POST", "/networks/prune", Act.PRUNE_OWN, "", "prune"),
    ("POST", "/volumes/prune", Act.PRUNE_OWN, "", "prune"),
    ("POST", "/networks/create", Act.CREATE_NETWORK, "", ""),
    ("POST", "/networks/n/connect", Act.JOIN_NETWORK, "n", "connect"),
    ("POST", "/networks/n/disconnect", Act.JOIN_NETWORK, "n", "disconnect"),
    ("DELETE", "/networks/n", Act.REMOVE_NETWORK, "n", ""),
    ("POST", "/volumes/create", Act.CREATE_VOLUME, "", ""),
    ("PUT", "/volumes/v", Act.UPDATE_VOLUME, "v", ""),
    ("DELETE", "/volumes/v", Act.REMOVE_VOLUME, "v", ""),
    ("POST", "/images/create?fromImage=a", Act.PULL_IMAGE, "", ""),
    ("POST", "/libpod/images/pull?reference=a", Act.PULL_IMAGE, "", ""),
    ("POST", "/images/load", Act.LOAD_IMAGE, "", ""),
    ("POST", "/images/prune", Act.PRUNE_IMAGES, "", "prune"),
    ("POST", "/images/quay.io/a/b/push", Act.PUSH_IMAGE, "quay.io/a/b", "push"),
    ("POST", "/images/quay.io/a/b/tag?repo=c", Act.TAG_IMAGE, "quay.io/a/b", "tag"),
    ("DELETE", "/images/quay.io/a/b:1", Act.REMOVE_IMAGE, "quay.io/a/b:1", ""),
    ("POST", "/build", Act.BUILD, "", ""),
    ("POST", "/build/prune", Act.PRUNE_BUILD, "", "prune"),
    ("POST", "/commit?container=x", Act.COMMIT, "", ""),
    ("POST", "/auth", Act.CHECK_LOGIN, "", ""),
    ("POST", "/session", Act.SESSION, "", ""),
    ("POST", "/v1.41/grpc", Act.SESSION, "", ""),
    ("POST", "/swarm/init", Act.SWARM, "", ""),
    ("POST", "/services/create", Act.SWARM, "", ""),
    ("DELETE", "/secrets/x", Act.SWARM, "", ""),
    ("POST", "/plugins/pull?remote=x", Act.PLUGINS, "", ""),
    ("POST", "/pods/create", Act.UNKNOWN, "", ""),
    ("post", "/containers/x/stop", Act.UNKNOWN, "", ""),
    ("POST", "/CONTAINERS/create", Act.UNKNOWN, "", ""),
    ("CONNECT", "/x", Act.UNKNOWN, "", ""),
    # What the engine decodes before it looks for a route.
    ("POST", "/containers%2Fcreate", Act.CREATE_CONTAINER, "", ""),
    ("POST", "/containers/%78/st%6Fp", Act.CHANGE_CONTAINER, "x", "stop"),
    ("DELETE", "/containers/a%2Fb", Act.REMOVE_CONTAINER, "a/b", ""),
    # Once, not twice.
    ("DELETE", "/containers/a%252Fb", Act.REMOVE_CONTAINER, "a%2Fb", ""),
    ("POST", "/v1%2E41/containers/create", Act.CREATE_CONTAINER, "", ""),
]


@pytest.mark.parametrize(("method", "target", "act", "ref", "verb"), CALLS)
def test_a_request_is_one_act(method: str, target: str, act: Act, ref: str, verb: str):
    call = read_call(method, target)
    assert (call.act, call.ref, call.verb) == (act, ref, verb)


@pytest.mark.parametrize(
    "target",
    [
        "//containers/json",
        "/v1.41//containers/create",
        "/containers/../containers/create",
        "/containers/./create",
        "/containers/%2e%2e/x",
        "/containers/x/%2e",
        "/containers/%2Fx/json",
        "/containers/x/",
        "/containers/x%00",
        "/containers/x%0d%0aHost: y",
        "/containers/%ff",
        "/containers/%zz",
        "/containers/x y",
        "/containers/\u00e9",
        "/x?a=%zz",
        "/x?a=1;b=2",
        "http://localhost/containers/json",
        "*",
        "",
        "containers/json",
        "/",
        "/" + "x" * 70_000,
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(target: str):
    with pytest.raises(AmbiguousTarget):
        read_call("POST", target)


def test_the_first_of_several_values_counts_and_is_the_only_one_that_is_sent():
    target = read_target("/containers/x/rename?name=first&name=second&x=1")
    assert target.value("name") == "first"
    assert target.text == "/containers/x/rename?name=first&x=1"


def test_lists_in_the_query_stay_lists():
    assert read_target("/images/get?names=a&names=b").text == "/images/get?names=a&names=b"


def test_a_target_is_sent_in_its_plain_form():
    target = read_target("/v1.41/images/a%2Fb%3A1/json?q=a+b%2Bc")
    assert target.text == "/v1.41/images/a/b:1/json?q=a+b%2Bc"


@given(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_what_is_sent_means_what_was_judged(text: str):
    try:
        call = read_call("POST", "/" + text)
    except AmbiguousTarget:
        return
    again = read_call("POST", call.target.text)
    assert again == call
