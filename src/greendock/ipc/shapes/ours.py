"""Our own operations (namespace `greendock#`), described in docs/reference/ipc.md."""

from __future__ import annotations

from greendock.ipc.kinds import ListOf, Scalar, Structure, structure
from greendock.ipc.rpc import EXTENSION_NAMESPACE
from greendock.ipc.shapes.cli import (
    ANY,
    COMPONENT,
    DEPLOYMENT,
    FOUND,
    NOTHING,
    ONE_COMPONENT,
    ONE_DEPLOYMENT,
)
from greendock.ipc.shapes.operation import ARGUMENTS, NOT_FOUND, SERVICE, Access, Operation

_BUNDLE_IMAGE = structure(
    {"uri": Scalar.STRING, "reference": Scalar.STRING, "imageId": Scalar.STRING},
    digest=Scalar.STRING,
)


def _ours(name: str, request: Structure, access: Access, *errors: str) -> Operation:
    return Operation(f"{EXTENSION_NAMESPACE}{name}", request, access, errors)


ROWS = (
    _ours("GetCoreStatus", NOTHING, ANY, SERVICE),
    _ours("DescribeDeployment", DEPLOYMENT, ONE_DEPLOYMENT, *FOUND),
    _ours("DescribeComponent", COMPONENT, ONE_COMPONENT, *FOUND),
    _ours("DescribeComponents", NOTHING, ANY, SERVICE),
    _ours(
        "GetComponentStats",
        structure(componentNames=ListOf(Scalar.STRING)),
        ANY,
        SERVICE,
        NOT_FOUND,
        ARGUMENTS,
    ),
    _ours("DescribeBundle", structure(components=ListOf(Scalar.STRING)), ANY, SERVICE, ARGUMENTS),
    _ours(
        "RegisterBundleImages",
        structure({"images": ListOf(_BUNDLE_IMAGE)}),
        ANY,
        SERVICE,
        ARGUMENTS,
    ),
    _ours("ListImages", NOTHING, ANY, SERVICE),
    Operation(
        f"{EXTENSION_NAMESPACE}PruneImages",
        structure(dryRun=Scalar.BOOLEAN),
        ANY,
        (SERVICE,),
        deadline_s=600,
    ),
    _ours("ExplainImage", structure({"uri": Scalar.STRING}), ANY, SERVICE, ARGUMENTS),
    Operation(
        f"{EXTENSION_NAMESPACE}SubscribeToDeployment",
        DEPLOYMENT,
        ONE_DEPLOYMENT,
        FOUND,
        event=f"{EXTENSION_NAMESPACE}DeploymentEvent",
    ),
)
