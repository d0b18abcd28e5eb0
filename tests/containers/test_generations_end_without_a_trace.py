"""At its end a generation leaves nothing on the engine, and nothing of others is touched."""

from __future__ import annotations

import asyncio
import time

from container_stage import FOREVER, play, until

# Ignores SIGTERM, as many programs do that are process 1.
DEAF = FOREVER


def names(stage) -> set[str]:
    return set(stage.docker("ps", "-a", "--format={{.Names}}").split())


def networks(stage) -> set[str]:
    found = stage.docker("network", "ls", "--format={{.Name}}").split()
    return set(found) - {"bridge", "host", "none"}


def network(stage, name: str, generation: str) -> None:
    stage.docker("network", "create", *stage.labels(stage.owner(generation)), name)


def test_containers_of_every_kind_go(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            labels = stage.labels(stage.owner("g1"))
            await stage.run("g1", "--name=gentle")
            await stage.run("g1", "--name=deaf", "--stop-timeout=1", cmd=DEAF)
            await stage.run("g1", "--name=paused", "--stop-timeout=1")
            await stage.call("pause", "paused")
            await stage.run("g1", "--name=always", "--restart=always")
            loop = ("--restart=always", "--name=loop")
            await stage.run("g1", *loop, cmd=("/bin/false",))
            await stage.run("g1", "--name=vanishing", "--rm")
            await stage.run("g1", "--name=ended", cmd=("/bin/true",))
            await stage.call("create", *labels, "--name=created", "mysql:8.0")
            await until(lambda: len(keeper.state("g1").containers) == 8, "all are seen")
            await keeper.close("g1")
            assert names(stage) == set()
            assert keeper.state("g1").containers == ()
            # As is everything else that could tell of it.
            await keeper.close("g1")
            await keeper.kill("g1")

    play(scenario)
    assert stage.journal.events() == []


def test_each_has_its_own_grace(stage):
    saves = ("/bin/sh", "-c", "trap 'sleep 1; exit 0' TERM; while :; do sleep 0.1 & wait $!; done")

    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=saving", "--stop-timeout=20", cmd=saves)
            await stage.run("g1", "--name=deaf", "--stop-timeout=2", cmd=DEAF)
            await until(lambda: len(keeper.state("g1").alive) == 2, "both run")
            await keeper.close("g1")
            ended = await stage.call(
                "events",
                "--since=1",
                f"--until={time.time() + 1:.0f}",
                "--filter=event=die",
                f"--filter=label=greendock.core={stage.core}",
                "--format={{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}",
            )
            assert sorted(ended.splitlines()) == ["deaf 137", "saving 0"]

    play(scenario)


def test_without_grace_nothing_is_waited_for(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--stop-timeout=-1", cmd=DEAF)
            await stage.run("g1", "--name=paused", "--stop-timeout=300", cmd=DEAF)
            await stage.call("pause", "paused")
            # The first call waits for the container's own grace, which has no end.
            closing = asyncio.create_task(keeper.close("g1"))
            await until(lambda: keeper.state("g1").containers, "they are seen")
            await keeper.kill("g1")
            assert names(stage) == set()
            await closing

    play(scenario)


def test_a_close_that_is_cancelled_is_finished_in_the_background(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--stop-timeout=2", cmd=DEAF)
            await until(lambda: keeper.state("g1").alive, "it runs")
            closing = asyncio.create_task(keeper.close("g1"))
            await asyncio.sleep(0)
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
            assert closing.cancelled()
            await until(lambda: not keeper.state("g1").containers, "it is removed all the same")
            assert names(stage) == set()

    play(scenario)


def test_networks_and_anonymous_volumes_go_and_named_volumes_stay(stage):
    def volumes() -> set[str]:
        return set(stage.docker("volume", "ls", "-q").split())

    async def scenario():
        before = volumes()
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            for name in ("front", "back"):
                await asyncio.to_thread(network, stage, name, "g1")
            options = ("--network=front", "-v", "/anonymous", "-v", "kept:/kept")
            await stage.run("g1", "--name=web", *options)
            await stage.call("network", "connect", "back", "web")
            # Somebody else's container in a network of ours keeps it from going, if it could.
            await stage.call("run", "-d", "--name=guest", "--network=back", "mysql:8.0")
            assert len(volumes() - before) == 2
            await keeper.close("g1")
            assert networks(stage) == set()
            assert volumes() - before == {"kept"}
            assert names(stage) == {"guest"}

    play(scenario)
    stage.docker("rm", "-f", "guest")
    stage.docker("volume", "rm", "kept")


def test_what_is_of_others_is_not_touched(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.opened(keeper, "g2", component="com.example.Other")
            await stage.run("g1", "--name=ours")
            await stage.run("g2", "--name=other", component="com.example.Other")
            await stage.call("run", "-d", "--name=nobodys", "mysql:8.0")
            foreign = [
                label.replace(stage.core, "0123456789abcdef")
                for label in stage.labels(stage.owner("g1"))
            ]
            await stage.call("run", "-d", "--name=foreign", *foreign, "mysql:8.0")
            # With labels of which some are missing it belongs to nobody.
            half = f"--label=greendock.core={stage.core}"
            await stage.call("run", "-d", "--name=half", half, "mysql:8.0")
            await asyncio.to_thread(network, stage, "others", "g2")
            await keeper.close("g1")
            assert names(stage) == {"other", "nobodys", "foreign", "half"}
            assert networks(stage) == {"others"}

    play(scenario)


def test_one_that_is_created_late_goes_too(stage):
    """A request that was under way when the generation ended."""

    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=first")
            await keeper.close("g1")
            late = await stage.run("g1", "--name=late", "--restart=always")
            # By news of it, not by the look that comes once a minute.
            await until(lambda: not stage.exists(late), "the late one is removed")

    play(scenario)
