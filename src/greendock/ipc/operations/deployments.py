"""Operations on local deployments: create, cancel, status, list, and our fuller description.

Checks what a request names and hands it on; queueing, limits on what is kept, and the deployment
itself are behind the `Deployments` port.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from greendock.deployment.document import LocalRequest
from greendock.deployment.record import DeploymentRecord
from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import not_found
from greendock.ipc.operations.deployment_shape import described_deployment, local_deployment
from greendock.ipc.operations.local_request import local_request
from greendock.ipc.operations.request_folders import check_artifact_folders, check_recipe_paths
from greendock.ipc.ports import Deployments
from greendock.ipc.rpc import EXTENSION_NAMESPACE, NAMESPACE


class DeploymentOperations:
    """Handlers over the `Deployments` port. `store` is the folder of the core's packages."""

    def __init__(self, deployments: Deployments, store: Path) -> None:
        self._deployments = deployments
        self._store = store

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}CreateLocalDeployment": self.create,
            f"{NAMESPACE}CancelLocalDeployment": self.cancel,
            f"{NAMESPACE}GetLocalDeploymentStatus": self.status,
            f"{NAMESPACE}ListLocalDeployments": self.list,
            f"{EXTENSION_NAMESPACE}DescribeDeployment": self.describe,
        }

    async def create(self, call: Call) -> Members:
        request = local_request(call.members)
        await asyncio.to_thread(self._check_paths, request)
        deployment_id = self._deployments.submit(request)
        if call.members.get("supersede"):
            await self._deployments.supersede(deployment_id)
        return {"deploymentId": deployment_id}

    async def cancel(self, call: Call) -> Members:
        record = known_deployment(self._deployments, call)
        return {"message": await self._deployments.cancel(record.id)}

    def status(self, call: Call) -> Members:
        return {"deployment": local_deployment(known_deployment(self._deployments, call))}

    def list(self, _call: Call) -> Members:
        records = self._deployments.all()
        return {"localDeployments": [local_deployment(record) for record in records]}

    def describe(self, call: Call) -> Members:
        return {"deployment": described_deployment(known_deployment(self._deployments, call))}

    def _check_paths(self, request: LocalRequest) -> None:
        check_recipe_paths(request.recipe_paths)
        check_artifact_folders(request.artifact_folders, self._store)


def known_deployment(deployments: Deployments, call: Call) -> DeploymentRecord:
    """The record that the call's `deploymentId` names; ResourceNotFoundError without one."""
    deployment_id = call.members["deploymentId"].lower()
    record = deployments.get(deployment_id)
    if record is None:
        text = f"cannot find local deployment {deployment_id}"
        raise not_found("LocalDeployment", deployment_id, text)
    return record
