"""How limits are put on containers is decided by what engine and core have in common."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.containers.limits import (
    NANO,
    NO_LIMITS,
    UNLIMITED,
    AskedLimits,
    Enforcement,
    GroupFacts,
    LimitRule,
    WantedLimits,
    decide_rule,
    members_for_change,
    members_for_client_update,
    members_for_create,
    read_asked,
)
from greendock.docker.engine.model import read_info

MB = 1024 * 1024
PARENT = "/greendock/0123456789ab/containers-com.example.Web"
SLICE = "greendock-0123456789ab-0000.slice"
ENGINE = read_info(
    b'{"CgroupDriver": "cgroupfs", "CgroupVersion": "1", "NCPU": 4}',
    api_version="1.41",
    is_podman=False,
)
GROUP = GroupFacts(PARENT, "1", True, None, SLICE)
WANTED = WantedLimits(64 * MB, NANO // 2)
EACH = LimitRule(None, 64 * MB, NANO // 2, Enforcement.EACH, "why")
TOGETHER = LimitRule(PARENT, 64 * MB, NANO // 2, Enforcement.GROUP)


def test_an_engine_with_the_same_groups_limits_the_containers_together():
    assert decide_rule(WANTED, ENGINE, GROUP) == TOGETHER


def test_a_shared_group_is_used_without_limits_too():
    rule = decide_rule(UNLIMITED, ENGINE, GROUP)
    assert rule == LimitRule(PARENT, None, None, Enforcement.NONE, None)


@pytest.mark.parametrize(
    ("engine", "group", "reason"),
    [
        ({"is_podman": True}, {}, "Podman"),
        ({"is_rootless": True}, {}, "rootless"),
        ({}, {"is_shared": False}, "does not share this machine's control groups"),
        ({"cgroup_driver": "systemd"}, {}, "systemd"),
        ({}, {"parent": None}, "the core can make no control groups"),
        ({"cgroup_version": "2"}, {}, "version 2"),
        ({}, {"trouble": "memory.limit_in_bytes: busy"}, "busy"),
    ],
)
def test_else_each_container_has_them_by_itself_and_it_is_told(engine, group, reason):
    rule = decide_rule(WANTED, replace(ENGINE, **engine), replace(GROUP, **group))
    assert rule.enforcement is Enforcement.EACH
    assert (rule.memory_bytes, rule.nano_cpus) == (64 * MB, NANO // 2)
    assert rule.trouble is not None
    assert rule.trouble.startswith("limits hold for each container by itself: ")
    assert reason in rule.trouble
    if "trouble" not in group and engine != {"cgroup_driver": "systemd"}:
        assert rule.cgroup_parent is None
    # Without limits there is nothing to complain about.
    none = decide_rule(UNLIMITED, replace(ENGINE, **engine), replace(GROUP, **group))
    assert (none.trouble, none.memory_bytes, none.nano_cpus) == (None, None, None)


def test_systemd_gets_a_slice_so_that_containers_are_together_there():
    engine = replace(ENGINE, cgroup_driver="systemd", cgroup_version="2")
    assert decide_rule(UNLIMITED, engine, GROUP).cgroup_parent == SLICE
    assert decide_rule(WANTED, engine, GROUP).cgroup_parent == SLICE
    far = replace(GROUP, is_shared=False)
    assert decide_rule(WANTED, engine, far).cgroup_parent is None


def test_an_engine_before_versions_of_groups_has_the_first():
    old = replace(ENGINE, cgroup_version="")
    assert decide_rule(WANTED, old, GROUP).enforcement is Enforcement.GROUP
    assert decide_rule(WANTED, old, replace(GROUP, version="2")).enforcement is Enforcement.EACH


@pytest.mark.parametrize(
    "engine",
    [
        {"cgroup_driver": "none"},
        {"cgroup_driver": "", "is_rootless": True},
        {"limits_memory": False, "limits_cpus": False},
    ],
)
def test_what_the_engine_cannot_do_is_not_asked_of_it(engine):
    far = replace(GROUP, is_shared=False)
    rule = decide_rule(WANTED, replace(ENGINE, **engine), far)
    assert (rule.memory_bytes, rule.nano_cpus, rule.enforcement) == (None, None, Enforcement.NONE)
    assert rule.trouble is not None
    assert rule.trouble.startswith("limits are not enforced on containers: ")
    assert "memory" in rule.trouble
    assert "CPUs" in rule.trouble


def test_one_limit_holds_where_the_other_cannot():
    far = replace(GROUP, is_shared=False)
    rule = decide_rule(WANTED, replace(ENGINE, limits_memory=False), far)
    assert (rule.memory_bytes, rule.nano_cpus) == (None, NANO // 2)
    assert rule.enforcement is Enforcement.EACH
    assert "not enforced: the engine can't limit memory" in (rule.trouble or "")
    old = decide_rule(WANTED, replace(ENGINE, api_version="1.24"), far)
    assert (old.memory_bytes, old.nano_cpus) == (64 * MB, None)


def test_numbers_are_those_that_the_engine_takes():
    far = replace(GROUP, is_shared=False)
    small = decide_rule(WantedLimits(1, 1), ENGINE, far)
    assert (small.memory_bytes, small.nano_cpus) == (6 * MB, NANO // 100)
    many = decide_rule(WantedLimits(None, 4 * NANO), ENGINE, far)
    assert (many.nano_cpus, many.memory_bytes) == (None, None)


@pytest.mark.parametrize(
    ("memory_kb", "cpus", "wanted"),
    [
        (None, None, UNLIMITED),
        (0, 0, UNLIMITED),
        (-5, -1, UNLIMITED),
        (1024, 0.25, WantedLimits(MB, NANO // 4)),
        (None, math.inf, UNLIMITED),
        (None, math.nan, UNLIMITED),
    ],
)
def test_what_is_no_limit_for_processes_is_none_here(memory_kb, cpus, wanted):
    assert WantedLimits.of(memory_kb, cpus) == wanted


def test_the_group_is_all_that_a_container_in_it_gets():
    assert members_for_create(TOGETHER, AskedLimits()) == {"CgroupParent": PARENT}
    asked = AskedLimits(memory_bytes=1 << 40, nano_cpus=64 * NANO)
    assert members_for_create(TOGETHER, asked) == {"CgroupParent": PARENT}
    assert members_for_create(NO_LIMITS, asked) == {}


def test_a_client_keeps_its_own_parent_but_not_without_limits():
    members = members_for_create(TOGETHER, AskedLimits(cgroup_parent="/mine"))
    assert members == {"Memory": 64 * MB, "NanoCpus": NANO // 2}


@pytest.mark.parametrize(
    "parent",
    [
        "/greendock/0123456789ab/containers-com.example.Other",
        "greendock/x",
        "/x/../greendock/y",
        "//greendock",
        "/greendock/",
        "greendock-x.slice",
    ],
)
def test_no_client_gets_into_the_group_of_another_component(parent):
    members = members_for_create(TOGETHER, AskedLimits(cgroup_parent=parent))
    assert members == {"CgroupParent": PARENT}


@pytest.mark.parametrize(
    ("asked", "members"),
    [
        (AskedLimits(), {"Memory": 64 * MB, "NanoCpus": NANO // 2}),
        (AskedLimits(memory_bytes=32 * MB, nano_cpus=NANO // 4), {}),
        (AskedLimits(memory_bytes=65 * MB, nano_cpus=NANO // 2), {"Memory": 64 * MB}),
        (AskedLimits(memory_bytes=-1, nano_cpus=1), {"Memory": 64 * MB}),
        (
            AskedLimits(memory_bytes=MB, memory_reservation_bytes=65 * MB, nano_cpus=1),
            {"MemoryReservation": 64 * MB},
        ),
        (AskedLimits(memory_bytes=MB, cpu_quota_us=50_000), {}),
        (AskedLimits(memory_bytes=MB, cpu_quota_us=50_001), {"CpuQuota": 50_000}),
        (AskedLimits(memory_bytes=MB, cpu_period_us=10_000), {"CpuQuota": 5_000}),
        (
            AskedLimits(memory_bytes=MB, cpu_quota_us=-1, cpu_period_us=20_000),
            {"CpuQuota": 10_000},
        ),
    ],
)
def test_each_container_is_capped_and_smaller_limits_stay(asked, members):
    assert members_for_create(EACH, asked) == members


def test_a_clients_update_gets_no_further_than_the_limits():
    def update(rule, parent="", **asked):
        return members_for_client_update(rule, AskedLimits(**asked), parent)

    assert update(EACH, memory_bytes=128 * MB) == {"Memory": 64 * MB}
    assert update(EACH, nano_cpus=3 * NANO) == {"NanoCpus": NANO // 2}
    assert update(EACH, cpu_quota_us=400_000) == {"CpuQuota": 50_000}
    assert update(EACH) == {}
    assert update(EACH, memory_bytes=32 * MB) == {}
    assert update(TOGETHER, PARENT, memory_bytes=1 << 40) == {}
    assert update(TOGETHER, "/mine", memory_bytes=1 << 40) == {"Memory": 64 * MB}


def change(old, new, **now):
    return members_for_change(old, new, AskedLimits(**now), ENGINE)


def test_running_containers_follow_a_changed_limit():
    wide = replace(EACH, memory_bytes=128 * MB, nano_cpus=NANO)
    capped = {"memory_bytes": 64 * MB, "nano_cpus": NANO // 2}
    assert change(EACH, wide, **capped) == {
        "Memory": 128 * MB,
        "MemorySwap": 256 * MB,
        "NanoCpus": NANO,
    }
    assert change(wide, EACH, memory_bytes=128 * MB, nano_cpus=NANO) == {
        "Memory": 64 * MB,
        "MemorySwap": 128 * MB,
        "NanoCpus": NANO // 2,
    }
    # What a container asked for itself is not raised.
    assert change(EACH, wide, memory_bytes=32 * MB, nano_cpus=NANO // 4) == {}
    assert change(EACH, EACH, **capped) == {}


def test_limits_that_are_taken_off_leave_what_the_machine_has():
    none = change(EACH, NO_LIMITS, memory_bytes=64 * MB, nano_cpus=NANO // 2)
    assert none == {"Memory": 1 << 61, "MemorySwap": 1 << 62, "NanoCpus": 4 * NANO}
    assert change(EACH, NO_LIMITS, memory_bytes=MB, nano_cpus=1) == {}


def test_limits_that_come_later_hold_for_containers_without_any():
    assert change(NO_LIMITS, EACH) == {
        "Memory": 64 * MB,
        "MemorySwap": 128 * MB,
        "NanoCpus": NANO // 2,
    }
    assert change(NO_LIMITS, TOGETHER, cgroup_parent=PARENT) == {}
    assert change(NO_LIMITS, TOGETHER, cgroup_parent="/mine", nano_cpus=1) == {
        "Memory": 64 * MB,
        "MemorySwap": 128 * MB,
    }


def test_members_of_a_request_are_read_with_their_types():
    body = {
        "Memory": 5,
        "NanoCpus": "7",
        "CpuQuota": True,
        "CgroupParent": "/x",
        "MemoryReservation": None,
    }
    assert read_asked(body) == AskedLimits(cgroup_parent="/x", memory_bytes=5)
    assert read_asked({"CgroupParent": 3}) == AskedLimits()


numbers = st.integers(-1, 1 << 41)


@given(numbers, numbers, numbers, numbers, st.sampled_from(["", "/mine", PARENT, "/greendock/x"]))
def test_nothing_that_a_client_asks_for_is_more_than_the_limit(
    memory, cpus, quota, period, parent
):
    asked = AskedLimits(parent, memory, 0, cpus, quota, period)
    for rule in (EACH, TOGETHER):
        members = members_for_create(rule, asked)
        if members.get("CgroupParent", parent) == rule.cgroup_parent:
            continue
        assert 0 < int(members.get("Memory", memory)) <= 64 * MB
        if quota > 0 or period > 0:
            assert "NanoCpus" not in members
            used = int(members.get("CpuQuota", quota))
            assert 0 < used <= max(1000, (period if period > 0 else 100_000) // 2)
        else:
            assert 0 < int(members.get("NanoCpus", cpus)) <= NANO // 2
