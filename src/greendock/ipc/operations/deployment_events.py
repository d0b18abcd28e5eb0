"""`greendock#SubscribeToDeployment`: the news of one deployment as a stream, until its end.

Turns events of the bus into wire events and holds no state of the deployment but whether it is in
progress. Progress of images is dropped when the reader is slow; status, notes and component
states are not.
"""

from __future__ import annotations

from collections.abc import Callable

from greendock.base.events import Bus
from greendock.deployment.record import (
    DeploymentChanged,
    DeploymentNote,
    DeploymentRecord,
    ImageProgressed,
    Status,
)
from greendock.ipc.calls import Call, EventSink, Handler, Members, Subscription
from greendock.ipc.operations.deployment_shape import described_deployment
from greendock.ipc.operations.deployments import known_deployment
from greendock.ipc.ports import Deployments
from greendock.ipc.rpc import EXTENSION_NAMESPACE
from greendock.lifecycle.model import ComponentStateChanged


class DeploymentEvents:
    """Handler over the bus and the `Deployments` port."""

    def __init__(self, deployments: Deployments, bus: Bus) -> None:
        self._deployments = deployments
        self._bus = bus

    def handlers(self) -> dict[str, Handler]:
        return {f"{EXTENSION_NAMESPACE}SubscribeToDeployment": self.subscribe}

    def subscribe(self, call: Call) -> Subscription:
        record = known_deployment(self._deployments, call)

        def start(sink: EventSink) -> Callable[[], None]:
            return _Relay(record, sink).run(self._bus)

        return Subscription(start, {})


class _Relay:
    """One subscriber of one deployment."""

    def __init__(self, record: DeploymentRecord, sink: EventSink) -> None:
        self._record = record
        self._sink = sink

    def run(self, bus: Bus) -> Callable[[], None]:
        """The current status at once, then what happens; returns what ends the listening."""
        ends = [
            bus.listen(self._changed, DeploymentChanged),
            bus.listen(self._note, DeploymentNote),
            bus.listen(self._image, ImageProgressed),
            bus.listen(self._component, ComponentStateChanged),
        ]
        self._status(self._record)

        def end() -> None:
            for listener_end in ends:
                listener_end()

        return end

    def _changed(self, event: DeploymentChanged) -> None:
        if event.record.id == self._record.id:
            self._status(event.record)

    def _status(self, record: DeploymentRecord) -> None:
        self._record = record
        self._sink.send({"status": described_deployment(record)})
        if record.status.is_final:
            self._sink.close()

    def _note(self, event: DeploymentNote) -> None:
        if event.deployment_id == self._record.id:
            self._sink.send({"note": {"level": event.level, "text": event.text}})

    def _image(self, event: ImageProgressed) -> None:
        if event.deployment_id == self._record.id:
            self._sink.send({"image": _image(event)}, droppable=True)

    def _component(self, event: ComponentStateChanged) -> None:
        if self._record.status is Status.IN_PROGRESS:
            self._sink.send({"component": _component(event)})


def _image(event: ImageProgressed) -> Members:
    return {
        "image": event.image,
        "phase": event.phase,
        "currentBytes": event.current_bytes,
        "totalBytes": event.total_bytes,
        "layers": event.layers,
    }


def _component(event: ComponentStateChanged) -> Members:
    return {
        "componentName": event.component,
        "version": event.version,
        "state": event.new.value,
        "statusCode": event.status_code,
        "statusReason": event.status_reason,
    }
