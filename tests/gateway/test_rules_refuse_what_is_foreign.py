"""What another component or another core owns is not changed; the message names the owner."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.rule_ports import ELSEWHERE, JSON, MINE, OTHER, Desk
from greendock.docker.containers.labels import Owner
from greendock.docker.errors import EngineUnavailable
from greendock.docker.gateway.exchange import Forward, Refuse, RequestHead
from greendock.docker.gateway.policy import STRICT
from greendock.docker.gateway.ports import Kind

CHANGES: list[tuple[Kind, str, str, Any, str]] = [
    (Kind.CONTAINER, "DELETE", "/containers/x?force=1&v=1", None, "remove"),
    (Kind.CONTAINER, "POST", "/containers/x/stop", None, "stop"),
    (Kind.CONTAINER, "POST", "/v1.41/containers/x/kill", None, "kill"),
    (Kind.CONTAINER, "POST", "/containers/x/restart", None, "restart"),
    (Kind.CONTAINER, "POST", "/containers/x/pause", None, "pause"),
    (Kind.CONTAINER, "POST", "/containers/x/unpause", None, "unpause"),
    (Kind.CONTAINER, "POST", "/containers/x/rename?name=y", None, "rename"),
    (Kind.CONTAINER, "POST", "/containers/x/update", {}, "update"),
    (Kind.CONTAINER, "POST", "/containers/x/start", None, "start"),
    (Kind.CONTAINER, "POST", "/containers/x/exec", {"Cmd": ["sh"]}, "exec"),
    (Kind.CONTAINER, "POST", "/containers/x/attach?stream=1", None, "attach"),
    (Kind.CONTAINER, "GET", "/containers/x/attach/ws", None, "attach/ws"),
    (Kind.CONTAINER, "PUT", "/containers/x/archive?path=/", None, "archive"),
    (Kind.CONTAINER, "POST", "/containers/x/resize?h=1", None, "resize"),
    (Kind.CONTAINER, "POST", "/commit?container=x", None, "commit"),
    (Kind.CONTAINER, "POST", "/libpod/containers/x/stop", None, "stop"),
    (Kind.EXEC, "POST", "/exec/x/start", {}, "start"),
    (Kind.EXEC, "POST", "/exec/x/resize", None, "resize"),
    (Kind.NETWORK, "DELETE", "/networks/x", None, "remove"),
    (Kind.NETWORK, "POST", "/networks/x/connect", {"Container": "mine"}, "connect"),
    (Kind.NETWORK, "POST", "/networks/x/disconnect", {"Container": "mine"}, "disconnect"),
    (Kind.CONTAINER, "POST", "/networks/n/connect", {"container": "x"}, "connect"),
    (Kind.CONTAINER, "POST", "/networks/n/disconnect", {"CONTAINER": "x"}, "disconnect"),
    (Kind.CONTAINER, "POST", "/networks/bridge/disconnect", {"Container": "x"}, "disconnect"),
    (Kind.VOLUME, "DELETE", "/volumes/x", None, "remove"),
]


def desk_with(kind: Kind, owner: Owner | None, **changes: Any) -> Desk:
    desk = Desk(**changes)
    desk.things.add(kind, "x", owner)
    desk.things.add(Kind.CONTAINER, "mine", MINE)
    desk.things.add(Kind.NETWORK, "n", MINE)
    return desk


@pytest.mark.parametrize(("kind", "method", "target", "body", "verb"), CHANGES)
def test_what_another_component_owns_is_left_alone(
    kind: Kind, method: str, target: str, body: Any, verb: str
):
    refusal = desk_with(kind, OTHER).refusal(method, target, body)
    thing = "container" if kind is Kind.EXEC else kind.value
    assert refusal == Refuse(
        403, f"cannot {verb} {thing} x: it belongs to component com.example.Other 2.0.0"
    )


@pytest.mark.parametrize(("kind", "method", "target", "body", "verb"), CHANGES)
def test_what_another_core_owns_is_left_alone(
    kind: Kind, method: str, target: str, body: Any, verb: str
):
    refusal = desk_with(kind, ELSEWHERE).refusal(method, target, body)
    assert refusal.message.endswith(
        "it belongs to component com.example.Mine 1.2.0 of another core (core-2)"
    )


@pytest.mark.parametrize(("kind", "method", "target", "body", "verb"), CHANGES)
def test_what_is_the_components_own_of_any_life_is_its_to_change(
    kind: Kind, method: str, target: str, body: Any, verb: str
):
    earlier = Owner("core-1", "com.example.Mine", "1.1.0", "gen-before")
    for owner in (MINE, earlier):
        for policy in ({}, {"policy": STRICT}) if "libpod" not in target else ({},):
            assert isinstance(
                desk_with(kind, owner, **policy).judge(method, target, body), Forward
            )


@pytest.mark.parametrize(("kind", "method", "target", "body", "verb"), CHANGES)
def test_what_nobody_owns_is_left_alone_under_strict_only(
    kind: Kind, method: str, target: str, body: Any, verb: str
):
    assert isinstance(desk_with(kind, None).judge(method, target, body), Forward)
    if "libpod" not in target:
        refusal = desk_with(kind, None, policy=STRICT).refusal(method, target, body)
        assert "rule unowned of its container policy (strict)" in refusal.message


@pytest.mark.parametrize(("kind", "method", "target", "body", "verb"), CHANGES)
def test_of_what_is_not_there_the_engine_speaks_itself(
    kind: Kind, method: str, target: str, body: Any, verb: str
):
    assert isinstance(Desk().judge(method, target, body), Forward)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/containers/x/json"),
        ("GET", "/containers/x/logs"),
        ("GET", "/containers/x/archive?path=%2F"),
        ("GET", "/containers/x/stats"),
        ("POST", "/containers/x/wait"),
        ("GET", "/networks/x"),
    ],
)
def test_looking_is_allowed(method: str, target: str):
    for policy in ({}, {"policy": STRICT}):
        desk = desk_with(Kind.CONTAINER, OTHER, **policy)
        assert desk.sent(method, target).head.target == target


@pytest.mark.parametrize("kind", ["containers", "networks", "volumes", "images"])
@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ("", {}),
        ('{"until":["1h"]}', {"until": {"1h": True}}),
        ('{"label":{"a=b":true}}', {"label": {"a=b": True}}),
        (
            '{"label":["greendock.component=com.example.Other"]}',
            {"label": {"greendock.component=com.example.Other": True}},
        ),
    ],
)
def test_prune_takes_the_components_own_only(kind: str, filters: str, kept: dict[str, Any]):
    target = (
        Desk().sent("POST", f"/{kind}/prune?filters={filters}".replace('"', "%22")).head.target
    )
    sent = json.loads(parse_qs(urlsplit(target).query)["filters"][0])
    own = {"greendock.core=core-1": True, "greendock.component=com.example.Mine": True}
    assert sent == {**kept, "label": {**kept.get("label", {}), **own}}


def test_a_second_filter_does_not_widen_a_prune():
    target = Desk().sent("POST", "/containers/prune?filters={}&filters={}").head.target
    assert target.count("filters=") == 1
    assert "greendock.component" in target


def test_filters_that_make_no_sense_are_refused():
    assert Desk().refusal("POST", "/containers/prune?filters=x").status == 400
    assert Desk().refusal("POST", "/containers/prune?filters={%22a%22:1}").status == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("DELETE", "/images/mysql:8.0"),
        ("POST", "/images/x/tag?repo=mysql&tag=8.0"),
        ("POST", "/build?t=other&t=mysql:8.0"),
        ("POST", "/commit?container=mine&repo=mysql&tag=8.0"),
        ("POST", "/images/create?fromSrc=-&repo=mysql&tag=8.0"),
    ],
)
def test_images_that_others_need_keep_their_name(method: str, target: str):
    desk = desk_with(Kind.CONTAINER, None)
    desk.images.needed["mysql:8.0"] = ["com.example.Other"]
    refusal = desk.refusal(method, target)
    assert refusal.status == 403
    assert refusal.message.endswith(
        (
            "component com.example.Other needs it",
            "component com.example.Other needs the one of that name",
        )
    )


def test_nothing_reaches_the_engine_before_the_start_is_tidied_up():
    desk = Desk()
    desk.things.failure = EngineUnavailable("cannot reach the engine")
    for method, target in (("GET", "/containers/json"), ("POST", "/containers/x/stop")):
        assert desk.refusal(method, target).status == 503
    assert isinstance(desk.judge("GET", "/_ping"), Forward)
    assert isinstance(desk.judge("GET", "/v1.41/version"), Forward)


def test_an_engine_that_cannot_say_whose_a_thing_is_stops_the_call():
    class Mute:
        async def ready(self) -> None: ...

        async def find(self, kind: Kind, ref: str) -> None:
            raise EngineUnavailable("cannot reach the engine")

    desk = Desk(things=Mute())  # type: ignore[arg-type]
    assert desk.refusal("POST", "/containers/x/stop").status == 503


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
        "multipart/form-data; boundary=x",
    ],
)
def test_a_form_in_the_body_does_not_speak_for_the_query(content_type: str):
    import asyncio

    head = RequestHead("POST", "/containers/prune", (("content-type", content_type), ("A", "b")))
    verdict = asyncio.run(Desk().rules().judge(head, None))
    assert isinstance(verdict, Forward)
    assert verdict.head.headers == (("A", "b"),)


@pytest.mark.parametrize(
    ("method", "target", "wanted", "stays"),
    [
        ("GET", "/_ping", "h2c", False),
        ("GET", "/containers/json", "tcp", False),
        ("POST", "/containers/mine/attach", "tcp", True),
        ("POST", "/containers/mine/attach", "h2c", False),
        ("POST", "/exec/e/start", "tcp", True),
        ("GET", "/containers/mine/attach/ws", "websocket", True),
        ("POST", "/session", "h2c", True),
    ],
)
def test_only_streams_leave_http(method: str, target: str, wanted: str, stays: bool):
    pairs = (("Upgrade", wanted), ("Connection", "keep-alive, Upgrade"), ("HTTP2-Settings", "AA"))
    headers = dict(Desk().sent(method, target, None, *pairs).head.headers)
    assert ("Upgrade" in headers) is stays
    assert ("HTTP2-Settings" in headers) is stays
    assert headers["Connection"] == ("keep-alive, Upgrade" if stays else "keep-alive")


def test_what_cannot_be_read_is_refused_with_a_reason():
    assert Desk().refusal("POST", "/containers/create", b"[]") == Refuse(
        400, "cannot read the body of the request: it is no JSON object"
    )
    assert Desk().refusal("POST", "//containers/create").status == 400
    assert Desk().refusal("POST", "/containers/create", {"HostConfig": "x"}).status == 400


def test_bodies_are_collected_only_where_they_decide():
    rules = Desk().rules()
    wanted = {
        target: rules.needs_body(RequestHead("POST", target, (JSON,)))
        for target in ("/containers/create", "/images/load", "/build", "/containers/x/wait")
    }
    assert wanted == {
        "/containers/create": 4 << 20,
        "/images/load": None,
        "/build": None,
        "/containers/x/wait": None,
    }
