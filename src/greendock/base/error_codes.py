"""Greengrass deployment error codes and the error types that go with them.

Source: `ErrorCode`/type table of the public Greengrass documentation ("Detailed deployment error
codes"). The codes travel in deployment status (`deploymentErrorStack`), the types are derived from
them (`deploymentErrorTypes`); both are what fleets filter on, so their spelling is fixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class ErrorType(StrEnum):
    """What kind of thing failed; derived from codes, never chosen by hand."""

    NONE = "NONE"
    UNKNOWN_ERROR = "UNKNOWN_ERROR"
    SERVER_ERROR = "SERVER_ERROR"
    NUCLEUS_ERROR = "NUCLEUS_ERROR"
    CLOUD_SERVICE_ERROR = "CLOUD_SERVICE_ERROR"
    COMPONENT_ERROR = "COMPONENT_ERROR"
    USER_COMPONENT_ERROR = "USER_COMPONENT_ERROR"
    PERMISSION_ERROR = "PERMISSION_ERROR"
    DEVICE_ERROR = "DEVICE_ERROR"
    NETWORK_ERROR = "NETWORK_ERROR"
    DEPENDENCY_ERROR = "DEPENDENCY_ERROR"
    REQUEST_ERROR = "REQUEST_ERROR"
    HTTP_ERROR = "HTTP_ERROR"
    COMPONENT_RECIPE_ERROR = "COMPONENT_RECIPE_ERROR"


_CODES: dict[ErrorType, str] = {
    ErrorType.NONE: """
        DEPLOYMENT_FAILURE DEPLOYMENT_REJECTED DEPLOYMENT_INTERRUPTED ARTIFACT_DOWNLOAD_ERROR
        NO_AVAILABLE_COMPONENT_VERSION COMPONENT_PACKAGE_LOADING_ERROR REJECTED_STALE_DEPLOYMENT
        IO_ERROR IO_MAPPING_ERROR COMPONENT_UPDATE_ERROR COMPONENT_BROKEN REMOVE_COMPONENT_ERROR
        COMPONENT_CONFIGURATION_NOT_VALID COMPONENT_BOOTSTRAP_ERROR
        DEPLOYMENT_DOCUMENT_NOT_VALID""",
    ErrorType.REQUEST_ERROR: """
        NUCLEUS_MISSING_REQUIRED_CAPABILITIES COMPONENT_CIRCULAR_DEPENDENCY_ERROR
        MISSING_DOCKER_APPLICATION_MANAGER MISSING_TOKEN_EXCHANGE_SERVICE
        COMPONENT_VERSION_REQUIREMENTS_NOT_MET THROTTLING_ERROR CONFLICTED_REQUEST
        RESOURCE_NOT_FOUND
        RUN_WITH_CONFIG_NOT_VALID""",
    ErrorType.PERMISSION_ERROR: """
        ACCESS_DENIED GET_ECR_CREDENTIAL_ERROR USER_NOT_AUTHORIZED_FOR_DOCKER S3_ACCESS_DENIED""",
    ErrorType.NETWORK_ERROR: "NETWORK_ERROR TLS_HANDSHAKE_FAILURE",
    ErrorType.HTTP_ERROR: "HTTP_REQUEST_ERROR",
    ErrorType.DEVICE_ERROR: """
        IO_WRITE_ERROR IO_READ_ERROR DISK_SPACE_CRITICAL IO_FILE_ATTRIBUTE_ERROR
        SET_PERMISSION_ERROR IO_UNZIP_ERROR LOCAL_RECIPE_NOT_FOUND LOCAL_RECIPE_CORRUPTED
        HASHING_ALGORITHM_UNAVAILABLE DEVICE_CONFIG_NOT_VALID_FOR_ARTIFACT_DOWNLOAD""",
    ErrorType.COMPONENT_RECIPE_ERROR: """
        RECIPE_PARSE_ERROR ARTIFACT_URI_NOT_VALID S3_ARTIFACT_URI_NOT_VALID
        DOCKER_ARTIFACT_URI_NOT_VALID EMPTY_ARTIFACT_URI EMPTY_ARTIFACT_SCHEME
        UNSUPPORTED_ARTIFACT_SCHEME RECIPE_MISSING_MANIFEST
        RECIPE_MISSING_ARTIFACT_HASH_ALGORITHM ARTIFACT_CHECKSUM_MISMATCH
        COMPONENT_DEPENDENCY_NOT_VALID CONFIG_INTERPOLATE_ERROR COMPONENT_VERSION_NOT_VALID""",
    ErrorType.DEPENDENCY_ERROR: """
        DOCKER_ERROR DOCKER_SERVICE_UNAVAILABLE DOCKER_IMAGE_QUERY_ERROR DOCKER_LOGIN_ERROR
        DOCKER_PULL_ERROR DOCKER_IMAGE_NOT_VALID S3_ERROR S3_RESOURCE_NOT_FOUND S3_BAD_REQUEST""",
    ErrorType.SERVER_ERROR: "SERVER_ERROR",
    ErrorType.NUCLEUS_ERROR: """
        BAD_REQUEST NUCLEUS_VERSION_NOT_FOUND NUCLEUS_RESTART_FAILURE COMPONENT_LOAD_FAILURE""",
    ErrorType.UNKNOWN_ERROR: "DEPLOYMENT_TYPE_NOT_VALID",
}

ERROR_TYPES: dict[str, ErrorType] = {
    code: error_type for error_type, codes in _CODES.items() for code in codes.split()
}


def error_stack(codes: Iterable[str]) -> list[str]:
    """The stack a failed deployment reports: DEPLOYMENT_FAILURE first, no code twice."""
    return list(dict.fromkeys(["DEPLOYMENT_FAILURE", *codes]))


def error_types(stack: Iterable[str]) -> list[str]:
    """The types of a stack in its order, without NONE and without repeats.

    A BROKEN component of a local deployment counts as the user's: Greengrass reports
    USER_COMPONENT_ERROR there.
    """
    types: list[ErrorType] = []
    for code in stack:
        found = ERROR_TYPES.get(code, ErrorType.UNKNOWN_ERROR)
        if code in ("COMPONENT_BROKEN", "COMPONENT_UPDATE_ERROR"):
            found = ErrorType.USER_COMPONENT_ERROR
        if found is not ErrorType.NONE:
            types.append(found)
    return list(dict.fromkeys(types))
