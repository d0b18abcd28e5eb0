"""Operations of `aws.greengrass.clientdevices.Auth`, which this core does not have.

Known, so that callers get the modelled error that an official core without it gives.
"""

from __future__ import annotations

from greendock.ipc.kinds import Choice, Scalar, structure, union
from greendock.ipc.shapes.operation import SERVICE, Access, operation

CLIENT_DEVICE_SERVICE = "aws.greengrass.clientdevices.Auth"

_ANY = Access(CLIENT_DEVICE_SERVICE)

_DEVICE = union(clientDeviceCertificate=Scalar.STRING)
_MQTT = structure(
    clientId=Scalar.STRING,
    certificatePem=Scalar.STRING,
    username=Scalar.STRING,
    password=Scalar.STRING,
)

ROWS = (
    operation(
        "AuthorizeClientDeviceAction",
        structure(
            {
                "clientDeviceAuthToken": Scalar.STRING,
                "operation": Scalar.STRING,
                "resource": Scalar.STRING,
            }
        ),
        _ANY,
        SERVICE,
    ),
    operation(
        "GetClientDeviceAuthToken",
        structure({"credential": union(mqttCredential=_MQTT)}),
        _ANY,
        SERVICE,
    ),
    operation(
        "SubscribeToCertificateUpdates",
        structure({"certificateOptions": structure({"certificateType": Choice(("SERVER",))})}),
        _ANY,
        SERVICE,
        event="CertificateUpdateEvent",
    ),
    operation("VerifyClientDeviceIdentity", structure({"credential": _DEVICE}), _ANY, SERVICE),
)
