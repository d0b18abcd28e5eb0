"""A local request can have components asked, by policies with the names of a fleet deployment."""

from __future__ import annotations

from typing import Any

import pytest

from greendock.ipc.calls import Call
from greendock.ipc.errors import OperationError
from greendock.ipc.kinds import parse
from greendock.ipc.operations.component_updates import ComponentUpdateOperations
from greendock.ipc.operations.configuration_validity import ConfigurationValidityOperations
from greendock.ipc.operations.local_request import local_request
from greendock.ipc.operations.own_words import LONGEST, own_words
from greendock.ipc.rpc import to_json
from greendock.ipc.shapes.table import OPERATIONS

UPDATE, VALIDATION = "componentUpdatePolicy", "configurationValidationPolicy"
NOTIFY, SKIP = "NOTIFY_COMPONENTS", "SKIP_NOTIFY_COMPONENTS"


def read(**members: Any) -> tuple[float | None, float | None]:
    shape = OPERATIONS["aws.greengrass#CreateLocalDeployment"].request
    request = local_request(parse(to_json(members), shape))
    return request.notify_s, request.validate_s


@pytest.mark.parametrize(
    ("members", "times"),
    [
        ({}, (None, None)),
        ({UPDATE: None, VALIDATION: None}, (None, None)),
        ({UPDATE: {}}, (60, None)),
        ({UPDATE: {"action": NOTIFY}}, (60, None)),
        ({UPDATE: {"action": NOTIFY, "timeoutInSeconds": 5}}, (5, None)),
        ({UPDATE: {"timeoutInSeconds": 5}}, (5, None)),
        ({UPDATE: {"action": SKIP}}, (None, None)),
        ({UPDATE: {"action": SKIP, "timeoutInSeconds": 5}}, (None, None)),
        ({VALIDATION: {}}, (None, 20)),
        ({VALIDATION: {"timeoutInSeconds": None}}, (None, 20)),
        ({VALIDATION: {"timeoutInSeconds": 2**31 - 1}}, (None, 2**31 - 1)),
    ],
)
def test_who_asks_for_it_gets_it(members, times):
    assert read(**members) == times


@pytest.mark.parametrize("policy", [UPDATE, VALIDATION])
@pytest.mark.parametrize("timeout_s", [0, -1, 2**31, 10**400, "5", 1.5])
def test_times_that_are_refused(policy, timeout_s):
    with pytest.raises(OperationError) as caught:
        read(**{policy: {"timeoutInSeconds": timeout_s}})
    assert caught.value.model == "aws.greengrass#InvalidArgumentsError"
    assert f"{policy}.timeoutInSeconds has to be" in caught.value.message


@pytest.mark.parametrize("policy", [[], "NOTIFY", {"action": "notify_components"}])
def test_policies_that_are_refused(policy):
    with pytest.raises(OperationError):
        read(**{UPDATE: policy})


@pytest.mark.parametrize("family", [ComponentUpdateOperations, ConfigurationValidityOperations])
def test_a_core_without_them_says_so(family):
    members = {"deploymentId": "d", "configurationValidityReport": {"status": "ACCEPTED"}}
    members["configurationValidityReport"]["deploymentId"] = "d"
    for handler in family(None).handlers().values():
        with pytest.raises(OperationError) as caught:
            handler(Call("com.example.A", members))
        assert caught.value.model == "aws.greengrass#ServiceError"
        assert "not available on this core" in caught.value.message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, None),
        ("", None),
        (" \n\t", None),
        ("busy", "busy"),
        ("two\nlines\r\n", "two lines"),
        ("\x1b[31mred\x07", "[31mred"),
        ("é 漢", "é 漢"),
        ("x" * 10_000, "x" * LONGEST),
    ],
)
def test_free_text_becomes_one_line(text, shown):
    assert own_words(text) == shown
