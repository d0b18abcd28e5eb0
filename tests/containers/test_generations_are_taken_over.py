"""A core that starts again takes over what fits, and ends the rest before anything starts."""

from __future__ import annotations

import asyncio

import pytest
from container_stage import DEPLOYED, FOREVER, play, until

from greendock.docker.containers.adoption import Deployed
from greendock.docker.containers.generation import Kind
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.errors import ContainerFailed, EngineUnavailable

APP = "com.example.App"
PRINT = DEPLOYED.fingerprint


def names(stage) -> set[str]:
    return set(stage.docker("ps", "-a", "--format={{.Names}}").split())


async def lives(stage, generation: str, *kinds: Kind, component: str = APP, name: str = "web"):
    """A life of the core in which a component has one container."""
    async with stage.keeper() as keeper:
        await stage.opened(keeper, generation, component=component)
        await stage.run(generation, f"--name={name}", component=component)
        for kind in kinds:
            keeper.runs(generation, kind)
        await until(lambda: keeper.state(generation).alive, "it runs")


def test_what_fits_goes_on_untouched(stage):
    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        before = stage.inspect("web")
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) == "g1"
            assert await keeper.reclaim(APP, PRINT) is None
            state = keeper.state("g1")
            assert [one.name for one in state.alive] == ["web"]
            news = []
            keeper.attend("g1", lambda: news.append(1))
            after = stage.inspect("web")
            assert (after["Id"], after["State"]) == (before["Id"], before["State"])
            # From here it is as any other.
            await keeper.admit("g1")
            await stage.run("g1", "--name=second")
            await until(lambda: len(keeper.state("g1").alive) == 2, "it is watched")
            assert news
        # And a third core takes over the two.
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) == "g1"
            await keeper.close("g1")
            assert names(stage) == set()
        assert stage.journal.events().count("docker-containers-adopted") == 2

    play(scenario)


@pytest.mark.parametrize(
    ("kind", "deployed", "fingerprint"),
    [
        (Kind.OTHER, DEPLOYED, PRINT),
        (Kind.DETACHED, Deployed("1.0.1", PRINT), PRINT),
        (Kind.DETACHED, Deployed("1.0.0", "new"), "new"),
        (Kind.DETACHED, None, PRINT),
    ],
)
def test_what_does_not_fit_goes_before_a_request_is_let_through(
    stage, kind, deployed, fingerprint
):
    async def scenario():
        await lives(stage, "g1", kind)
        async with stage.keeper(**({"App": deployed} if deployed else {})) as keeper:
            assert await keeper.reclaim(APP, fingerprint) is None
            keeper.open(stage.owner("g2"), fingerprint)
            await keeper.admit("g2")
            assert names(stage) == set()
            await stage.run("g2", "--name=web")
            await until(lambda: keeper.state("g2").alive, "it runs")
        async with stage.keeper() as keeper:
            assert stage.database is not None
            assert {x.id for x in GenerationRecord(stage.database).all()} == {"g2"}

    play(scenario)


def test_one_that_is_taken_with_another_fingerprint_is_given_up(stage):
    """A deployment changed the component before it was started."""

    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        async with stage.keeper(App=DEPLOYED) as keeper:
            await until(lambda: keeper.state("g1").alive, "it is decided")
            assert await keeper.reclaim(APP, "another") is None
            keeper.open(stage.owner("g2"), "another")
            await keeper.admit("g2")
            assert names(stage) == set()

    play(scenario)


def test_one_that_nobody_starts_is_ended_when_its_component_goes(stage):
    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        async with stage.keeper(App=DEPLOYED) as keeper:
            await until(lambda: stage.journal.events(), "it is decided")
            await keeper.discard(APP)
            assert names(stage) == set()
            assert await keeper.reclaim(APP, PRINT) is None
        # One that was asked for, but never opened, is nobody's either.
        await lives(stage, "g2", Kind.DETACHED)
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) == "g2"
            await keeper.discard(APP)
            assert names(stage) == set()
        await lives(stage, "g3", Kind.DETACHED)
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) == "g3"
            keeper.open(stage.owner("g3"), PRINT)
            await keeper.discard(APP)
            assert names(stage) == {"web"}
            await keeper.close("g3")

    play(scenario)


def test_an_end_that_was_cut_short_is_finished(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=web", "--stop-timeout=300", cmd=FOREVER)
            await stage.run("g1", "--name=db")
            keeper.runs("g1", Kind.DETACHED)
            await until(lambda: len(keeper.state("g1").alive) == 2, "both run")
            closing = asyncio.create_task(keeper.close("g1"))
            await until(lambda: len(keeper.state("g1").alive) == 1, "one of them has ended")
            closing.cancel()
        await stage.call("kill", "web")  # it would take its 300 seconds
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) is None
            await until(lambda: names(stage) == set(), "nothing is left")

    play(scenario)


def test_containers_of_a_lost_database_go_with_the_first_request(stage):
    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        (stage.folder / "greendock.db").unlink()
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) is None
            assert names(stage) == {"web"}
            await stage.opened(keeper, "g2")
            assert names(stage) == set()

    play(scenario)


def test_a_container_that_failed_meanwhile_counts(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=web")
            await stage.run("g1", "--rm", "--name=job", cmd=("/bin/sh", "-c", "sleep 1; exit 4"))
            keeper.runs("g1", Kind.DETACHED)
            await until(lambda: len(keeper.state("g1").alive) == 2, "both run")
        await until(lambda: not stage.exists("job"), "it failed")
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) is None
            await until(lambda: names(stage) == set(), "the other one goes")
        reasons = [
            text for _, event, text in stage.journal.written if event.endswith("not-adopted")
        ]
        assert len(reasons) == 1
        assert "container job has ended with exit code 4" in reasons[0]

    play(scenario)


def test_a_set_is_complete_only_once_it_stood(stage):
    """All of what was up has to be there still."""

    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            for name in ("web", "db"):
                await stage.run("g1", f"--name={name}", "--label=com.docker.compose.project=p")
            keeper.runs("g1", Kind.FOREGROUND)
            await until(lambda: _fresh(stage).get("g1").is_settled, "it is noted")
            assert len(_fresh(stage).get("g1").members) == 2
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) == "g1"
        await stage.call("rm", "-f", "db")
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) is None
            await until(lambda: names(stage) == set(), "the rest goes")

    play(scenario)


def _fresh(stage) -> GenerationRecord:
    """What a later core would read."""
    return GenerationRecord(stage.database)


# -- an engine that is away


def test_what_an_absent_engine_holds_is_removed_when_it_is_back(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=web", "--restart=always")
            await until(lambda: keeper.state("g1").alive, "it runs")
            await asyncio.to_thread(stage.lab.stop_engine)
            await until(lambda: keeper.engine_is_lost, "the engine is lost")
            await keeper.close("g1")
            assert "docker-containers-owed" in stage.journal.events()
            keeper.open(stage.owner("g2"), PRINT)
            waiting = asyncio.create_task(keeper.admit("g2"))
            await asyncio.to_thread(stage.lab.start_engine)
            await waiting
            assert names(stage) == set()

    play(scenario)


def test_what_is_owed_is_done_by_the_next_core(stage):
    async def scenario():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=web", "--restart=always")
            keeper.runs("g1", Kind.DETACHED)
            await until(lambda: keeper.state("g1").alive, "it runs")
            await asyncio.to_thread(stage.lab.stop_engine)
            await keeper.close("g1")
        async with stage.keeper(App=DEPLOYED) as keeper:
            stage.engine_wait_s = 0.2
            assert await keeper.reclaim(APP, PRINT) is None
            keeper.open(stage.owner("g2"), PRINT)
            with pytest.raises(EngineUnavailable):
                await keeper.admit("g2")
            await asyncio.to_thread(stage.lab.start_engine)
            await until(lambda: names(stage) == set(), "it is gone")
            stage.engine_wait_s = 30
            await keeper.admit("g2")

    play(scenario)


def test_an_engine_that_comes_too_late_finds_nothing_to_take_over(stage):
    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        await asyncio.to_thread(stage.lab.stop_engine)
        stage.engine_wait_s = 0.2
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) is None
            assert not keeper.engine_is_lost  # it never was there
            keeper.open(stage.owner("g2"), PRINT)
            await asyncio.to_thread(stage.lab.start_engine)
            await until(lambda: names(stage) == set(), "the old one goes")
            assert await keeper.reclaim(APP, PRINT) is None

    play(scenario)


def test_who_waits_no_longer_has_it_ended_by_the_next_core_at_the_latest(stage):
    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        await asyncio.to_thread(stage.lab.stop_engine, 9)
        async with stage.keeper(App=DEPLOYED) as keeper:
            waiting = asyncio.create_task(keeper.reclaim(APP, PRINT))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.to_thread(stage.lab.start_engine, {"live-restore": True})
        assert names(stage) == {"web"}
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, PRINT) is None
            await until(lambda: names(stage) == set(), "it is gone")

    stage.lab.stop_engine()
    stage.lab.start_engine({"live-restore": True})
    play(scenario)


def test_who_waits_no_longer_when_it_is_decided_has_it_ended_too(stage):
    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        async with stage.keeper(App=DEPLOYED) as keeper:
            waiting = asyncio.create_task(keeper.reclaim(APP, PRINT))
            await asyncio.sleep(0)
            decide = keeper._claims.decide

            def decided(*args):
                waiting.cancel()  # it is to be woken, and hears of this instead
                return decide(*args)

            keeper._claims.decide = decided
            await until(lambda: names(stage) == set(), "it is gone")
            assert waiting.cancelled()

    play(scenario)


def test_one_in_time_is_waited_for(stage):
    async def scenario():
        await lives(stage, "g1", Kind.DETACHED)
        # With live-restore, which the engine has to be told before its end.
        await asyncio.to_thread(stage.lab.stop_engine, 9)
        async with stage.keeper(App=DEPLOYED) as keeper:
            waiting = asyncio.create_task(keeper.reclaim(APP, PRINT))
            await asyncio.to_thread(stage.lab.start_engine, {"live-restore": True})
            assert await waiting == "g1"
            await keeper.close("g1")

    stage.lab.stop_engine()
    stage.lab.start_engine({"live-restore": True})
    play(scenario)


def test_without_anything_in_the_way_an_absent_engine_is_told_at_once(stage):
    async def scenario():
        stage.docker_host = "unix:///nonexistent/docker.sock"
        stage.engine_wait_s = 1000
        async with stage.keeper() as keeper:
            keeper.open(stage.owner("g1"), PRINT)
            with pytest.raises(EngineUnavailable):
                await keeper.admit("g1")
            # It never reached an engine: nothing is owed.
            await keeper.close("g1")
            assert _fresh(stage).all() == ()
            with pytest.raises(ContainerFailed, match="is over"):
                await keeper.admit("g1")

    play(scenario)


def test_an_engine_that_has_just_come_is_not_refused_for_what_was_before(stage):
    async def scenario():
        place = stage.folder / "docker.sock"
        there, stage.docker_host = stage.docker_host.removeprefix("unix://"), f"unix://{place}"
        async with stage.keeper() as keeper:
            keeper.open(stage.owner("g1"), PRINT)
            for _ in range(3):
                with pytest.raises(EngineUnavailable):
                    await keeper.admit("g1")
            place.symlink_to(there)
            await keeper.admit("g1")
            await keeper.close("g1")

    play(scenario)


def test_a_core_that_asks_for_nothing_asks_no_engine(stage):
    asked = []

    async def scenario():
        async with stage.keeper() as keeper:
            keeper.open(stage.owner("g1"), PRINT)
        async with stage.keeper(App=DEPLOYED) as keeper:
            asked.append(await keeper.reclaim(APP, PRINT))
            keeper.open(stage.owner("g2"), PRINT)
            assert (await keeper.look("g2")).is_known
            assert keeper.state("g2").is_known
            await keeper.close("g2")
            assert await keeper.engine_is_back(0)
            assert keeper._awake is None

    play(scenario)
    assert asked == [None]
