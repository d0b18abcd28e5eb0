"""What is asked of a deployment: the local request, as plain frozen data.

Shape of the wire request: `aws.greengrass#CreateLocalDeployment`. `recipe_paths` and
`artifact_folders` generalise its two directory members, so that `greendock deploy` can name files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from greendock.lifecycle.model import RunWith

LOCAL_GROUP = "LOCAL_DEPLOYMENT"
DEFAULT_NOTIFY_S = 60.0
DEFAULT_VALIDATE_S = 20.0


class FailurePolicy(StrEnum):
    ROLLBACK = "ROLLBACK"
    DO_NOTHING = "DO_NOTHING"


@dataclass(frozen=True, slots=True)
class ConfigurationUpdate:
    """`reset` holds JSON pointers (`""` = everything); applied before `merge`."""

    merge: Mapping[str, Any] | None = None
    reset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalRequest:
    """A delta on the roots of one group. An absent failure policy is DO_NOTHING, as upstream."""

    group: str = LOCAL_GROUP
    merge: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    configuration: Mapping[str, ConfigurationUpdate] = field(default_factory=dict)
    run_with: Mapping[str, RunWith] = field(default_factory=dict)
    recipe_paths: tuple[Path, ...] = ()
    artifact_folders: tuple[Path, ...] = ()
    failure_policy: FailurePolicy = FailurePolicy.DO_NOTHING
    notify_s: float | None = None
    """How long components may hold an update up that they are told of; None: they are not told."""
    validate_s: float | None = None
    """How long components may take to check a new configuration; None: they are not asked."""
    offline: bool = False
    """Whether images that are on the device are used without asking a registry for newer ones."""
