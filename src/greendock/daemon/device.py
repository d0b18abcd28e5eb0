"""Loads the device's configuration, with the file of `--init-config` read on top of it.

Checked before it is saved, so that a faulty file leaves the device as it was. Called at start.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from greendock.base.errors import ConfigurationError, DeviceError
from greendock.base.paths import Paths
from greendock.config.device_file import (
    DeviceConfiguration,
    from_init_config,
    read_device_file,
    write_device_file,
)
from greendock.daemon.core_settings import CoreSettings
from greendock.deployment.device_state import DeviceState
from greendock.recipe.document import read_document
from greendock.recipe.findings import Severity
from greendock.recipe.nodes import plain_value
from greendock.recipe.report import Report


def load_device(paths: Paths, init_config: Path | None) -> DeviceConfiguration:
    """The device's configuration. Sections of `init_config` replace those of the same name.

    Raises ConfigurationError (faulty file), DeviceError (it can't be saved).
    """
    known = read_device_file(paths.config)
    if known is not None and init_config is None:
        return known
    core_id = known.core_id if known is not None else uuid.uuid4().hex
    document = read_init_config(init_config) if init_config is not None else None
    device = from_init_config(document, str(init_config), core_id)
    if known is not None:
        device = DeviceConfiguration(
            core_id,
            {**known.system, **device.system},
            {**known.services, **device.services},
            {**known.greendock, **device.greendock},
        )
    CoreSettings(device, DeviceState())
    try:
        write_device_file(paths.config, device)
    except OSError as error:
        raise DeviceError.of("save the device's configuration", error) from error
    return device


def read_init_config(path: Path) -> Any:
    """The values of a configuration file, YAML or JSON; raises ConfigurationError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration file {path}: {error.strerror}",
            hint="give the path of a YAML or JSON file",
        ) from error
    report = Report()
    document = read_document(data, report, is_json=path.suffix.lower() == ".json")
    errors = [f for f in report.sorted() if f.severity is Severity.ERROR]
    if document is None or errors:
        lines = [f"{path}:{f.line}:{f.column}: {f.message}; {f.fix}" for f in errors]
        raise ConfigurationError("cannot use the configuration file:\n" + "\n".join(lines))
    return plain_value(document.root)
