"""`docker.access` and a component's claim decide; a refusal says how to claim it."""

from __future__ import annotations

import pytest

from greendock.config.container_settings import Access
from greendock.docker.gateway.access import Claimant, admit

CLAIMS = {
    "uses_docker": "DockerApplicationManager",
    "runs_as_root": "root",
    "has_privileged_step": "RequiresPrivilege",
    "can_open_engine": "engine's socket",
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_auto_admits_whoever_has_a_claim(claim: str):
    admission = admit(Claimant("a", **{claim: True}), Access.AUTO)
    assert admission.has_socket
    assert CLAIMS[claim] in admission.reason


def test_auto_refuses_who_has_none_and_says_how_to_claim_it():
    admission = admit(Claimant("com.example.A"), Access.AUTO)
    assert not admission.has_socket
    assert admission.refusal == (
        "com.example.A may not use Docker: it has no claim to it. Add a dependency on "
        "aws.greengrass.DockerApplicationManager or a docker: artifact to its recipe, or set "
        "greendock.docker.access: all in its configuration"
    )


def test_all_admits_everybody():
    assert admit(Claimant("a"), Access.ALL).has_socket


def test_none_admits_nobody():
    everything = Claimant("a", True, True, True, True)
    admission = admit(everything, Access.NONE)
    assert not admission.has_socket
    assert "greendock.docker.access is none" in admission.refusal
