"""Operations of the command line's service: local deployments, components, debug passwords."""

from __future__ import annotations

from greendock.ipc.kinds import Choice, ListOf, MapOf, Scalar, structure
from greendock.ipc.shapes.operation import (
    ARGUMENTS,
    NOT_FOUND,
    SERVICE,
    UNAUTHORIZED,
    Access,
    operation,
)

CLI_SERVICE = "aws.greengrass.Cli"

_LIMITS = structure(memory=Scalar.INTEGER, cpus=Scalar.DOUBLE)
_RUN_WITH = structure(
    posixUser=Scalar.STRING, windowsUser=Scalar.STRING, systemResourceLimits=_LIMITS
)
_UPDATE_POLICY = structure(
    action=Choice(("NOTIFY_COMPONENTS", "SKIP_NOTIFY_COMPONENTS")),
    timeoutInSeconds=Scalar.INTEGER,
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
    componentUpdatePolicy=_UPDATE_POLICY,
    configurationValidationPolicy=structure(timeoutInSeconds=Scalar.INTEGER),
)
COMPONENT = structure({"componentName": Scalar.STRING})
DEPLOYMENT = structure({"deploymentId": Scalar.UUID})
NOTHING = structure()

ANY = Access(CLI_SERVICE)
ONE_COMPONENT = Access(CLI_SERVICE, "componentName")
ONE_DEPLOYMENT = Access(CLI_SERVICE, "deploymentId")

FOUND = (SERVICE, NOT_FOUND)
_COMPONENT_ERRORS = (SERVICE, "ComponentNotFoundError", ARGUMENTS)
_CREATE_ERRORS = (
    SERVICE,
    "InvalidRecipeDirectoryPathError",
    "InvalidArtifactsDirectoryPathError",
    ARGUMENTS,
)

ROWS = (
    operation("CreateLocalDeployment", _CREATE_LOCAL_DEPLOYMENT, ANY, *_CREATE_ERRORS),
    operation("CancelLocalDeployment", DEPLOYMENT, ANY, *FOUND, ARGUMENTS),
    operation("GetLocalDeploymentStatus", DEPLOYMENT, ONE_DEPLOYMENT, *FOUND),
    operation("ListLocalDeployments", NOTHING, ANY, SERVICE),
    operation("GetComponentDetails", COMPONENT, ONE_COMPONENT, *FOUND, ARGUMENTS),
    operation("ListComponents", NOTHING, ANY, SERVICE),
    operation("RestartComponent", COMPONENT, ONE_COMPONENT, *_COMPONENT_ERRORS),
    operation("StopComponent", COMPONENT, ONE_COMPONENT, *_COMPONENT_ERRORS),
    operation("CreateDebugPassword", NOTHING, ANY, UNAUTHORIZED, SERVICE),
)
