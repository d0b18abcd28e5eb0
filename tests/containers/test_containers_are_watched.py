"""What becomes of a component's containers is known as it happens."""

from __future__ import annotations

import asyncio
import signal

from container_stage import FOREVER, Wire, play, until

from greendock.docker.containers.model import Health, Phase

FAILING = ("/bin/sh", "-c", "sleep 0.5; exit 3")


def test_a_container_is_seen_from_its_start_to_its_end(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            told = []
            keeper.attend("g1", lambda: told.append(keeper.state("g1")))
            await stage.run("g1", "--name=web", "--memory=32m", "--stop-timeout=7", cmd=FOREVER)
            await until(lambda: keeper.state("g1").alive, "it is seen")
            (web,) = keeper.state("g1").containers
            seen = stage.inspect("web")
            assert (web.name, web.phase, web.health) == ("web", Phase.RUNNING, Health.NONE)
            assert web.id == seen["Id"]
            assert (web.owner.component, web.owner.generation) == ("com.example.App", "g1")
            assert (web.memory_bytes, web.stop_timeout_s) == (32 << 20, 7)
            assert web.image_name == "mysql:8.0"
            assert web.image_digest == stage.lab.seeded["library/mysql:8.0"].digest
            assert not web.has_restart_policy
            assert not web.is_attached
            assert web.started_at_s > 1e9
            await stage.call("kill", "web")
            await until(lambda: keeper.state("g1").containers[0].phase is Phase.EXITED, "it ended")
            assert keeper.state("g1").containers[0].exit_code == 137
            await stage.call("rm", "web")
            await until(lambda: not keeper.state("g1").containers, "it is gone")
            assert keeper.state("g1").failures == {}
            assert len(told) >= 3
            assert (await keeper.look("g1")).containers == ()

    play(scenario)


def test_health_is_followed(stage):
    check = "--health-cmd=/bin/ls /tmp/well", "--health-interval=0.2s", "--health-retries=1"

    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=web", *check, cmd=FOREVER)
            for command, health in (
                ("/bin/echo > /tmp/well", Health.HEALTHY),
                ("/bin/busybox rm /tmp/well", Health.UNHEALTHY),
                ("/bin/echo > /tmp/well", Health.HEALTHY),
            ):
                await stage.call("exec", "web", "/bin/sh", "-c", command)
                await until(
                    lambda health=health: {x.health for x in keeper.state("g1").alive} == {health},
                    f"it is {health}",
                )

    play(scenario)


def test_restarts_by_the_engine_are_counted(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--restart=on-failure:2", cmd=("/bin/false",))
            await until(
                lambda: (
                    [
                        (one.phase, one.restarts, one.exit_code)
                        for one in keeper.state("g1").containers
                    ]
                    == [(Phase.EXITED, 2, 1)]
                ),
                "the engine gave up",
            )
            assert keeper.state("g1").containers[0].has_restart_policy
            assert keeper.state("g1").restarts == 2

    play(scenario)


def test_a_failure_outlives_the_container_that_removes_itself(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--rm", "--name=job", cmd=FAILING)
            await until(lambda: keeper.state("g1").failures, "the failure is known")
            assert keeper.state("g1").failures == {"job": 3}
            await until(lambda: not keeper.state("g1").containers, "it is gone")

    play(scenario)


def test_what_somebody_ended_or_waited_for_is_no_failure(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            for name in ("stopped", "removed"):
                await stage.run("g1", "--rm", f"--name={name}", cmd=FOREVER)
            await until(lambda: len(keeper.state("g1").alive) == 2, "both run")
            await stage.call("stop", "-t0", "stopped")
            await stage.call("rm", "-f", "removed")
            labels = stage.labels(stage.owner("g1"))
            client = stage.foreground("run", "--rm", *labels, "mysql:8.0", *FAILING)
            assert await asyncio.to_thread(client.wait, 30) == 3
            await stage.run("g1", "--rm", "--name=last", cmd=FAILING)
            await until(lambda: keeper.state("g1").failures, "the last one failed")
            assert keeper.state("g1").failures == {"last": 3}
            await until(lambda: not keeper.state("g1").containers, "all are gone")

    play(scenario)


def test_an_engine_that_restarts_is_lost_and_back(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=plain")
            await stage.run("g1", "--name=always", "--restart=always")
            await until(lambda: len(keeper.state("g1").alive) == 2, "both run")
            news = []
            keeper.attend("g1", lambda: news.append(keeper.state("g1").is_known))
            assert not keeper.engine_is_lost
            assert await keeper.engine_is_back(0)
            await asyncio.to_thread(stage.lab.stop_engine)
            await until(lambda: keeper.engine_is_lost, "it is lost")
            state = keeper.state("g1")
            assert not state.is_known
            assert {one.name for one in state.containers} == {"plain", "always"}
            assert not await keeper.engine_is_back(0.05)
            await asyncio.to_thread(stage.lab.start_engine)
            assert await keeper.engine_is_back(30)
            state = keeper.state("g1")
            assert state.is_known
            assert {one.name for one in state.alive} == {"always"}
            assert {False, True} <= set(news)
            for event in ("docker-engine-lost", "docker-engine-back"):
                assert stage.journal.events().count(event) == 1

    play(scenario)


def test_containers_that_outlive_the_engine_are_the_same_ones_after_it(stage):
    live = {"live-restore": True}

    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", cmd=FOREVER)
            await until(lambda: keeper.state("g1").alive, "it runs")
            (before,) = keeper.state("g1").alive
            await asyncio.to_thread(stage.lab.stop_engine, signal.SIGKILL)
            await until(lambda: keeper.engine_is_lost, "it is lost")
            await asyncio.to_thread(stage.lab.start_engine, live)
            assert await keeper.engine_is_back(30)
            (after,) = keeper.state("g1").alive
            assert (after.id, after.started_at_s) == (before.id, before.started_at_s)

    stage.lab.stop_engine()
    stage.lab.start_engine(live)
    try:
        play(scenario)
    finally:
        stage.docker("rm", "-f", *stage.docker("ps", "-aq").split())


def test_what_happens_while_the_connection_is_cut_is_not_missed(stage):
    async def scenario():
        async with Wire(stage) as wire, stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            for name in ("stays", "ends"):
                await stage.run("g1", f"--name={name}")
            await stage.run("g1", "--rm", "--name=fails", cmd=FAILING)
            await until(lambda: len(keeper.state("g1").containers) == 3, "all are seen")
            for _ in range(3):
                wire.cut()
                await until(lambda: keeper.engine_is_lost, "it is noticed")
                assert await keeper.engine_is_back(30)
            wire.cut()
            await stage.call("stop", "ends")
            await stage.run("g1", "--name=new")
            await until(lambda: not stage.exists("fails"), "it failed")
            assert await keeper.engine_is_back(30)
            await until(
                lambda: {one.name for one in keeper.state("g1").alive} == {"stays", "new"},
                "the state is right again",
            )
            await until(lambda: keeper.state("g1").failures == {"fails": 3}, "so is the failure")

    play(scenario)


def test_an_engine_that_hangs_is_lost(stage):
    async def scenario():
        async with Wire(stage) as wire, stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            wire.hang()
            await until(lambda: keeper.engine_is_lost, "it is noticed")

    play(scenario)
