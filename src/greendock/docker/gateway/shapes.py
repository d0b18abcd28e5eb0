"""The parts of the engine's request bodies that rules look into; pure data.

Names are the engine's own. A member that stands here is found whatever its spelling; one that does
not is passed on unseen, so whatever a rule reads has to stand here.
"""

from __future__ import annotations

from greendock.docker.gateway.json_body import LIST, MAP, PLAIN, Shape


def _plain(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, PLAIN)


def _lists(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, LIST)


_DRIVER = Shape({**_plain("Name"), "Options": MAP})
_MOUNT = Shape(
    {
        **_plain("Type", "Source", "Target", "ReadOnly", "Consistency"),
        "BindOptions": Shape(_plain("Propagation", "NonRecursive", "CreateMountpoint")),
        "VolumeOptions": Shape(
            {**_plain("NoCopy", "Subpath"), "Labels": MAP, "DriverConfig": _DRIVER}
        ),
        "TmpfsOptions": Shape(_plain("SizeBytes", "Mode")),
    },
    null_empties=False,
)
_DEVICE = Shape(_plain("PathOnHost", "PathInContainer", "CgroupPermissions"), null_empties=False)
_PORT = Shape(_plain("HostIp", "HostPort"), null_empties=False)

RESOURCES: dict[str, Shape] = {
    **_plain(
        "CgroupParent",
        "Memory",
        "MemoryReservation",
        "MemorySwap",
        "NanoCpus",
        "CpuQuota",
        "CpuPeriod",
        "CpuShares",
        "CpusetCpus",
    ),
    "Devices": Shape(each=_DEVICE),
    "DeviceCgroupRules": LIST,
    "DeviceRequests": Shape(
        each=Shape({**_plain("Driver", "Count"), **_lists("DeviceIDs", "Capabilities")})
    ),
}
HOST_CONFIG: dict[str, Shape] = {
    **RESOURCES,
    **_plain(
        "NetworkMode",
        "IpcMode",
        "PidMode",
        "UTSMode",
        "UsernsMode",
        "CgroupnsMode",
        "Cgroup",
        "Privileged",
        "PublishAllPorts",
        "VolumeDriver",
        "Runtime",
        "AutoRemove",
    ),
    **_lists(
        "Binds",
        "CapAdd",
        "SecurityOpt",
        "MaskedPaths",
        "ReadonlyPaths",
        "VolumesFrom",
        "Links",
    ),
    "Mounts": Shape(each=_MOUNT),
    "PortBindings": Shape(is_map=True, each=Shape(each=_PORT)),
    "Tmpfs": MAP,
    "Sysctls": MAP,
    "RestartPolicy": Shape(_plain("Name", "MaximumRetryCount"), null_empties=False),
    "LogConfig": Shape({**_plain("Type"), "Config": MAP}, null_empties=False),
}
_ENDPOINT = Shape({**_plain("NetworkID"), **_lists("Links", "Aliases")})

CREATE_CONTAINER = Shape(
    {
        # Until Docker 26 the members of HostConfig count at the top too, when there is none.
        **HOST_CONFIG,
        **_plain("Image", "Cpuset"),
        **_lists("Env"),
        "Labels": MAP,
        "Volumes": MAP,
        "HostConfig": Shape(HOST_CONFIG),
        "NetworkingConfig": Shape({"EndpointsConfig": Shape(is_map=True, each=_ENDPOINT)}),
    }
)
START_CONTAINER = Shape({**HOST_CONFIG, **_plain("Cpuset"), "HostConfig": Shape(HOST_CONFIG)})
UPDATE_CONTAINER = Shape(RESOURCES)
CREATE_EXEC = Shape(_plain("Privileged", "User"))
CREATE_NETWORK = Shape(
    {
        **_plain("Name", "Driver", "ConfigOnly"),
        "Options": MAP,
        "Labels": MAP,
        "ConfigFrom": Shape(_plain("Network")),
    }
)
JOIN_NETWORK = Shape({**_plain("Container", "Force"), "EndpointConfig": _ENDPOINT})
CREATE_VOLUME = Shape({**_plain("Name", "Driver"), "DriverOpts": MAP, "Labels": MAP})
COMMIT = Shape({"Labels": MAP})
CREATE_OF_PODMAN = Shape({"labels": MAP})

AT_THE_TOP_TOO = ("Memory", "MemorySwap", "CpuShares", "CpusetCpus", "VolumeDriver")
"""Of the members of HostConfig at the top these count beside a HostConfig that lacks them."""
