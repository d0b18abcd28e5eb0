"""The table of operations agrees with the model that the official client is generated from."""

from __future__ import annotations

import datetime
import inspect
import typing

import pytest
from awsiot.greengrasscoreipc import model

from greendock.ipc.kinds import Choice, ListOf, MapOf, Scalar, Structure
from greendock.ipc.shapes.table import OPERATIONS

OURS_IN_REQUESTS = {
    "aws.greengrass#CreateLocalDeployment": {
        "recipePaths",
        "artifactFolders",
        "supersede",
        "offline",
        "componentUpdatePolicy",
        "configurationValidationPolicy",
    }
}
OFFICIAL = {name: row for name, row in OPERATIONS.items() if name.startswith("aws.greengrass#")}
BY_NAME = {
    cls._model_name(): cls
    for _, cls in inspect.getmembers(model, inspect.isclass)
    if cls.__module__ == model.__name__
    and cls is not model.GreengrassCoreIPCError
    and hasattr(cls, "_model_name")
}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def members(cls: type) -> dict[str, typing.Any]:
    hints = typing.get_type_hints(cls.__init__)
    return {
        camel(name): typing.get_args(hints[name])[0]
        for name in inspect.signature(cls).parameters
        if name in hints
    }


def matches(kind, annotation) -> bool:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(kind, ListOf):
        return origin is list and matches(kind.item, args[0])
    if isinstance(kind, MapOf):
        return origin is dict and matches(kind.value, args[1])
    if isinstance(kind, Structure):
        known = {**kind.required, **kind.optional}
        found = members(annotation)
        return known.keys() == found.keys() and all(matches(known[n], found[n]) for n in known)
    if isinstance(kind, Choice) or kind in (Scalar.STRING, Scalar.UUID):
        return annotation is str
    if kind is Scalar.DOCUMENT:
        return annotation == dict[str, typing.Any] or origin is dict
    if kind is Scalar.BLOB:
        return bytes in (annotation, *args)
    wanted = {
        Scalar.INTEGER: int,
        Scalar.DOUBLE: float,
        Scalar.BOOLEAN: bool,
        Scalar.TIMESTAMP: datetime.datetime,
    }
    return annotation is wanted[kind]


@pytest.mark.parametrize("name", OFFICIAL)
def test_request_members_are_those_of_the_model(name):
    row = OFFICIAL[name]
    known = {**row.request.required, **row.request.optional}
    for extra in OURS_IN_REQUESTS.get(name, ()):
        del known[extra]
    found = members(BY_NAME[f"{name}Request"])
    assert known.keys() == found.keys()
    assert [n for n in known if not matches(known[n], found[n])] == []


@pytest.mark.parametrize("name", OFFICIAL)
def test_responses_and_errors_exist_in_the_model(name):
    row = OFFICIAL[name]
    assert row.response in BY_NAME
    assert all(f"aws.greengrass#{error}" in BY_NAME for error in row.errors)


def test_choices_are_the_values_of_the_model():
    kind = OFFICIAL["aws.greengrass#CreateLocalDeployment"].request.optional[
        "failureHandlingPolicy"
    ]
    values = {v for k, v in vars(model.FailureHandlingPolicy).items() if not k.startswith("_")}
    assert set(kind.values) == values


def test_every_operation_of_the_model_is_known():
    wanted = {name.removesuffix("Request") for name in BY_NAME if name.endswith("Request")}
    assert wanted <= OFFICIAL.keys()


def test_events_are_unions_of_the_model():
    events = [row.event for row in OFFICIAL.values() if row.event is not None]
    found = {name for name, cls in vars(model).items() if inspect.isclass(cls)}
    assert [event for event in events if event.partition("#")[2] not in found] == []
