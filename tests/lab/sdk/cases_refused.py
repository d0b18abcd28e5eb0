"""What is refused: without a policy, and what no core of this kind has; tokens and metrics."""

from __future__ import annotations

import os
from typing import Any

from awsiot.greengrasscoreipc import model
from checks import SECRET, TARGET, UNKNOWN_ID, binary, case, refused


@case(
    fails=(
        "authorize_client_device_action",
        "get_client_device_auth_token",
        "verify_client_device_identity",
        "subscribe_to_certificate_updates",
    )
)
def client_devices_are_refused(client: Any) -> None:
    credential = model.CredentialDocument(mqtt_credential=model.MQTTCredential(client_id="x"))
    device = model.ClientDeviceCredential(client_device_certificate="x")
    for name, members in {
        "authorize_client_device_action": {
            "client_device_auth_token": "x",
            "operation": "y",
            "resource": "z",
        },
        "get_client_device_auth_token": {"credential": credential},
        "verify_client_device_identity": {"credential": device},
    }.items():
        refused(model.ServiceError, client.call, name, **members)
    options = model.CertificateOptions(certificate_type=model.CertificateType.SERVER)
    refused(
        model.ServiceError,
        client.subscribe,
        "subscribe_to_certificate_updates",
        certificate_options=options,
    )


@case(
    group="denied",
    fails=(
        "publish_to_topic",
        "subscribe_to_topic",
        "publish_to_iot_core",
        "subscribe_to_iot_core",
        "pause_component",
        "resume_component",
        "get_secret_value",
        "get_thing_shadow",
        "update_thing_shadow",
        "delete_thing_shadow",
        "list_named_shadows_for_thing",
        "list_components",
        "get_component_details",
        "restart_component",
        "stop_component",
        "create_local_deployment",
        "list_local_deployments",
        "get_local_deployment_status",
        "cancel_local_deployment",
        "create_debug_password",
        "put_component_metric",
        "validate_authorization_token",
    ),
)
def nothing_is_allowed_without_a_policy(client: Any) -> None:
    at_most_once = model.QOS.AT_MOST_ONCE
    shadow = {"thing_name": "t", "shadow_name": "s"}
    metric = model.Metric(name="m", unit=model.MetricUnitType.COUNT, value=1.0)
    for name, members in {
        "publish_to_topic": {"topic": "t", "publish_message": binary(b"")},
        "publish_to_iot_core": {"topic_name": "t", "qos": at_most_once, "payload": b""},
        "pause_component": {"component_name": TARGET},
        "resume_component": {"component_name": TARGET},
        "get_secret_value": {"secret_id": SECRET},
        "get_thing_shadow": shadow,
        "update_thing_shadow": {**shadow, "payload": b'{"state": {}}'},
        "delete_thing_shadow": shadow,
        "list_named_shadows_for_thing": {"thing_name": "t"},
        "list_components": {},
        "get_component_details": {"component_name": TARGET},
        "restart_component": {"component_name": TARGET},
        "stop_component": {"component_name": TARGET},
        "create_local_deployment": {},
        "list_local_deployments": {},
        "get_local_deployment_status": {"deployment_id": UNKNOWN_ID},
        "cancel_local_deployment": {"deployment_id": UNKNOWN_ID},
        "create_debug_password": {},
        "put_component_metric": {"metrics": [metric]},
        "validate_authorization_token": {"token": os.environ["SVCUID"]},
    }.items():
        refused(model.UnauthorizedError, client.call, name, **members)
    for name, members in {
        "subscribe_to_topic": {"topic": "t"},
        "subscribe_to_iot_core": {"topic_name": "t", "qos": at_most_once},
    }.items():
        refused(model.UnauthorizedError, client.subscribe, name, **members)


@case(
    "validate_authorization_token",
    "put_component_metric",
    group="system",
    fails=("validate_authorization_token", "put_component_metric"),
)
def tokens_and_metrics(client: Any) -> None:
    token = os.environ["SVCUID"]
    assert client.call("validate_authorization_token", token=token).is_valid is True
    refused(model.InvalidTokenError, client.call, "validate_authorization_token", token="X" * 32)
    unit = model.MetricUnitType.COUNT
    good = model.Metric(name="requests", unit=unit, value=2.0)
    client.call("put_component_metric", metrics=[good])
    for metrics in ([], [model.Metric(name="m", unit=unit, value=-1.0)]):
        refused(model.InvalidArgumentsError, client.call, "put_component_metric", metrics=metrics)
