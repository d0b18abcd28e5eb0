"""The table of operations: what each one takes, answers and may refuse, and who may call it.

Pure data, from the Greengrass IPC model plus our own operations (namespace `greendock#`, described
in docs/reference/ipc.md). A new operation is a row here and a handler in operations/; requests are
checked from this table before a handler sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.ipc.kinds import Choice, ListOf, MapOf, Scalar, Structure, structure
from greendock.ipc.rpc import EXTENSION_NAMESPACE, NAMESPACE

CLI_SERVICE = "aws.greengrass.Cli"


@dataclass(frozen=True, slots=True)
class Access:
    """Which policy a caller needs. `resource` names the request member whose value is tested;
    None tests the text `*`."""

    service: str
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. `errors` are bare names, as the model lists them; any operation may also answer
    InvalidArgumentsError, UnauthorizedError and ServiceError, which every client can map."""

    name: str
    request: Structure
    access: Access
    errors: tuple[str, ...] = ()
    event: str | None = None
    """Full name of the event union of a subscription; None: one answer only."""
    deadline_s: float = 60

    @property
    def response(self) -> str:
        return f"{self.name}Response"


_LIMITS = structure(memory=Scalar.INTEGER, cpus=Scalar.DOUBLE)
_RUN_WITH = structure(
    posixUser=Scalar.STRING, windowsUser=Scalar.STRING, systemResourceLimits=_LIMITS
)
_CREATE_LOCAL_DEPLOYMENT = structure(
    groupName=Scalar.STRING,
    rootComponentVersionsToAdd=MapOf(Scalar.STRING),
    rootComponentsToRemove=ListOf(Scalar.STRING),
    componentToConfiguration=MapOf(Scalar.DOCUMENT),
    componentToRunWithInfo=MapOf(_RUN_WITH),
    recipeDirectoryPath=Scalar.STRING,
    artifactsDirectoryPath=Scalar.STRING,
    failureHandlingPolicy=Choice(("ROLLBACK", "DO_NOTHING")),
    recipePaths=ListOf(Scalar.STRING),
    artifactFolders=ListOf(Scalar.STRING),
    supersede=Scalar.BOOLEAN,
    offline=Scalar.BOOLEAN,
)
_BUNDLE_IMAGE = structure(
    {"uri": Scalar.STRING, "reference": Scalar.STRING, "imageId": Scalar.STRING},
    digest=Scalar.STRING,
)
_COMPONENT = structure({"componentName": Scalar.STRING})
_DEPLOYMENT = structure({"deploymentId": Scalar.UUID})
_NOTHING = structure()

_ANY = Access(CLI_SERVICE)
_ONE_COMPONENT = Access(CLI_SERVICE, "componentName")
_ONE_DEPLOYMENT = Access(CLI_SERVICE, "deploymentId")

_FOUND = ("ServiceError", "ResourceNotFoundError")
_COMPONENT_ERRORS = ("ServiceError", "ComponentNotFoundError", "InvalidArgumentsError")
_CREATE_ERRORS = (
    "ServiceError",
    "InvalidRecipeDirectoryPathError",
    "InvalidArtifactsDirectoryPathError",
    "InvalidArgumentsError",
)
_ARGUMENTS = "InvalidArgumentsError"
_BUNDLE_ERRORS = ("ServiceError", _ARGUMENTS)


def _aws(name: str, request: Structure, access: Access, *errors: str) -> Operation:
    return Operation(f"{NAMESPACE}{name}", request, access, errors)


def _ours(name: str, request: Structure, access: Access, *errors: str) -> Operation:
    return Operation(f"{EXTENSION_NAMESPACE}{name}", request, access, errors)


_ROWS = (
    _aws("CreateLocalDeployment", _CREATE_LOCAL_DEPLOYMENT, _ANY, *_CREATE_ERRORS),
    _aws("CancelLocalDeployment", _DEPLOYMENT, _ANY, *_FOUND, _ARGUMENTS),
    _aws("GetLocalDeploymentStatus", _DEPLOYMENT, _ONE_DEPLOYMENT, *_FOUND),
    _aws("ListLocalDeployments", _NOTHING, _ANY, "ServiceError"),
    _aws("GetComponentDetails", _COMPONENT, _ONE_COMPONENT, *_FOUND, _ARGUMENTS),
    _aws("ListComponents", _NOTHING, _ANY, "ServiceError"),
    _aws("RestartComponent", _COMPONENT, _ONE_COMPONENT, *_COMPONENT_ERRORS),
    _aws("StopComponent", _COMPONENT, _ONE_COMPONENT, *_COMPONENT_ERRORS),
    _ours("GetCoreStatus", _NOTHING, _ANY, "ServiceError"),
    _ours("DescribeDeployment", _DEPLOYMENT, _ONE_DEPLOYMENT, *_FOUND),
    _ours("DescribeComponent", _COMPONENT, _ONE_COMPONENT, *_FOUND),
    _ours("DescribeComponents", _NOTHING, _ANY, "ServiceError"),
    _ours("DescribeBundle", structure(components=ListOf(Scalar.STRING)), _ANY, *_BUNDLE_ERRORS),
    _ours(
        "RegisterBundleImages",
        structure({"images": ListOf(_BUNDLE_IMAGE)}),
        _ANY,
        *_BUNDLE_ERRORS,
    ),
    _ours("ListImages", _NOTHING, _ANY, "ServiceError"),
    Operation(
        f"{EXTENSION_NAMESPACE}PruneImages",
        structure(dryRun=Scalar.BOOLEAN),
        _ANY,
        ("ServiceError",),
        deadline_s=600,
    ),
    _ours("ExplainImage", structure({"uri": Scalar.STRING}), _ANY, "ServiceError", _ARGUMENTS),
    Operation(
        f"{EXTENSION_NAMESPACE}SubscribeToDeployment",
        _DEPLOYMENT,
        _ONE_DEPLOYMENT,
        _FOUND,
        event=f"{EXTENSION_NAMESPACE}DeploymentEvent",
    ),
)

OPERATIONS: dict[str, Operation] = {row.name: row for row in _ROWS}
