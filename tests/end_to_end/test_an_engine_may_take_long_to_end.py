"""An engine that ends waits for its slowest container, and answers who is connected until then."""

from __future__ import annotations

from device import Component

from lab.waiting import wait_until

IMAGE = "mysql:8.0"
ARTIFACTS = [{"URI": f"docker:{IMAGE}"}]
ENDS_WELL = "sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.1; done'"
ENDS_BADLY = "sh -c 'trap \"exit 3\" TERM; while :; do sleep 0.1; done'"
SLOW = "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'"
SCRIPTS = {
    "DetachedWell": ("Run", f"docker run -d --name one {IMAGE} {ENDS_WELL}"),
    "DetachedBadly": ("Run", f"docker run -d --name two {IMAGE} {ENDS_BADLY}"),
    "Startup": ("Startup", f"docker run -d --name three {IMAGE} {ENDS_WELL}"),
    "Well": ("Run", f"docker run --rm --name four {IMAGE} {ENDS_WELL}"),
    "Badly": ("Run", f"docker run --rm --name five {IMAGE} {ENDS_BADLY}"),
    "Slow": ("Run", f"docker run -d --name slow --stop-timeout 6 {IMAGE} {SLOW}"),
}
NAMES = {"one", "two", "three", "four", "five", "slow"}


def test_components_outlive_an_engine_that_ends_slowly(lab, make_device):
    device = make_device()
    device.deploy(
        *(
            Component(name, {step: script}, artifacts=ARTIFACTS)
            for name, (step, script) in SCRIPTS.items()
        )
    )

    def running() -> set[str]:
        return set(lab.docker("ps", "--format", "{{.Names}}").stdout.split())

    wait_until(lambda: running() == NAMES, lambda: f"all run: {running()}")
    lab.restart_engine()
    wait_until(lambda: running() == NAMES, lambda: f"all run again: {running()}", 60)
    for name in SCRIPTS:
        history = device.history(name)
        assert history[-1] in ("STARTING", "RUNNING"), (name, history)
        assert not {"BROKEN", "FINISHED"} & set(history), (name, history)
        # Each was started anew once: none ran against the engine that was about to end.
        assert history.count("STARTING") == 2, (name, history)
