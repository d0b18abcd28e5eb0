"""Secrets and shadows."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from awsiot.greengrasscoreipc import model
from checks import SECRET, case, refused


@case("get_secret_value", fails=("get_secret_value",))
def secrets_are_read(client: Any) -> None:
    answer = client.call("get_secret_value", secret_id=SECRET)
    assert answer.secret_value.secret_string == "value of the secret", answer.secret_id
    assert answer.version_stage == ["AWSCURRENT"], answer.version_stage
    by_arn = client.call("get_secret_value", secret_id=answer.secret_id)
    assert by_arn.version_id == answer.version_id
    refused(model.ResourceNotFoundError, client.call, "get_secret_value", secret_id="no-secret")
    refused(
        model.ServiceError,
        client.call,
        "get_secret_value",
        secret_id=SECRET,
        version_id=answer.version_id,
        version_stage="AWSCURRENT",
    )


@case(
    "update_thing_shadow",
    "get_thing_shadow",
    "list_named_shadows_for_thing",
    "delete_thing_shadow",
    fails=(
        "update_thing_shadow",
        "get_thing_shadow",
        "list_named_shadows_for_thing",
        "delete_thing_shadow",
    ),
)
def shadows_live(client: Any) -> None:
    thing, shadow = "conformance", f"{client.name}-{os.getpid()}-{time.monotonic_ns()}"[:64]
    names = {"thing_name": thing, "shadow_name": shadow}

    def update(document: Any) -> Any:
        payload = json.dumps(document).encode()
        return json.loads(client.call("update_thing_shadow", payload=payload, **names).payload)

    delta = client.subscribe(
        "subscribe_to_topic", topic=f"$aws/things/{thing}/shadow/name/{shadow}/update/delta"
    )
    first = update({"state": {"desired": {"a": 1}, "reported": {"a": 0}}, "clientToken": "t"})
    assert (first["version"], first["clientToken"]) == (1, "t"), first
    assert json.loads(delta.next().binary_message.message)["state"] == {"a": 1}
    read = json.loads(client.call("get_thing_shadow", **names).payload)
    assert read["state"]["delta"] == {"a": 1}, read
    second = update({"state": {"reported": {"a": 1}}, "version": 1})
    assert second["version"] == 2, second
    refused(model.ConflictError, update, {"state": {"reported": {"a": 2}}, "version": 1})
    refused(model.InvalidArgumentsError, update, {"state": 1})
    listed = client.call("list_named_shadows_for_thing", thing_name=thing, page_size=100)
    assert shadow in listed.results, listed.results
    client.call("delete_thing_shadow", **names)
    for name in ("get_thing_shadow", "delete_thing_shadow"):
        refused(model.ResourceNotFoundError, client.call, name, **names)
    refused(
        model.InvalidArgumentsError, client.call, "list_named_shadows_for_thing", thing_name="a b"
    )
    delta.close()
