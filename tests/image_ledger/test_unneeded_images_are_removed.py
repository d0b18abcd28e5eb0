"""Clean-up frees what only a removed component used, at a real engine, and nothing else."""

from __future__ import annotations

import pytest

from greendock.docker import errors as e
from greendock.docker.keeping.ledger import ImageUse
from greendock.docker.reference import parse_image

SMALL = "mysql:8.0"
OTHER = "registry.lab.test:5443/team/app:1.0"


def use(image_id, name, component="com.example.Web", version="1.0.0"):
    return ImageUse(component, version, f"docker:{name}", parse_image(name).canonical, image_id)


def reasons(result):
    return {image.image_id: image.why for image in result.kept}


def test_what_nothing_needs_goes_and_what_is_needed_stays(household):
    unneeded, needed = household.pulled(SMALL), household.pulled(OTHER)
    household.ledger.replace_uses([use(needed, OTHER)])
    result = household.prune()
    assert [image.image_id for image in result.removed] == [unneeded]
    assert household.id_of(unneeded) is None
    assert household.id_of(OTHER) == needed
    assert [x.image_id for x in household.ledger.view().brought] == [needed]
    assert result.freed_bytes > 0
    assert "docker-image-removed" in household.journal.events()


def test_a_dry_run_says_the_same_and_does_nothing(household):
    image_id = household.pulled(SMALL)
    result = household.prune(dry_run=True)
    assert [image.image_id for image in result.removed] == [image_id]
    assert household.id_of(SMALL) == image_id


def test_an_image_that_was_there_before_stays(household, lab):
    assert lab.docker("pull", "-q", SMALL).returncode == 0
    image_id = household.id_of(SMALL)
    household.ledger.intend(parse_image(SMALL).canonical, image_id, "pulled")
    household.ledger.arrived(parse_image(SMALL).canonical, image_id, 1)
    result = household.prune()
    assert reasons(result) == {image_id: "not brought by Greendock"}
    assert household.id_of(SMALL) == image_id


@pytest.mark.parametrize("state", ["stopped", "running"])
def test_a_container_of_anybody_keeps_its_image(household, lab, state):
    image_id = household.pulled(SMALL)
    started = lab.docker("run", "--detach", "--network=none", "--name", "anybodys", SMALL)
    assert started.returncode == 0, started.stderr
    if state == "stopped":
        assert lab.docker("kill", "anybodys").returncode == 0
    assert reasons(household.prune()) == {image_id: "used by container anybodys"}
    assert lab.docker("rm", "--force", "anybodys").returncode == 0
    assert [x.image_id for x in household.prune().removed] == [image_id]


def test_layers_that_a_needed_image_shares_stay(household, lab):
    base = lab.seed("private", "shared/base", "1")
    both = "registry.lab.test:5443/shared"
    lab.registries.push("private", "shared/same", "1", base)
    lab.seed("private", "shared/more", "1", random_layers=[50_000])
    unneeded = household.pulled(f"{both}/more:1")
    needed = household.pulled(f"{both}/base:1")
    household.ledger.replace_uses([use(needed, f"{both}/base:1")])
    household.prune()
    assert household.id_of(unneeded) is None
    started = lab.docker("run", "--rm", "--network=none", f"{both}/base:1", "/bin/true")
    assert started.returncode == 0, started.stderr


def test_a_leftover_of_a_moved_tag_goes(household, lab):
    name = "registry.lab.test:5443/moving/app:1"
    lab.seed("private", "moving/app", "1", cmd=("/bin/echo", "one"))
    old = household.pulled(name)
    lab.seed("private", "moving/app", "1", cmd=("/bin/echo", "two"))
    new = household.pulled(name)
    assert old != new
    household.ledger.replace_uses([use(new, name)])
    assert [x.image_id for x in household.prune().removed] == [old]
    assert household.id_of(name) == new


def test_a_name_that_somebody_gave_it_keeps_the_image(household, lab):
    image_id = household.pulled(SMALL)
    assert lab.docker("tag", SMALL, "mine:1").returncode == 0
    result = household.prune()
    assert reasons(result) == {image_id: "somebody else named it mine:1"}
    assert household.id_of(SMALL) is None
    assert household.id_of("mine:1") == image_id


def test_an_image_that_is_gone_already_is_forgotten_at_once(household, lab):
    household.pulled(SMALL)
    other = household.pulled(OTHER)
    household.ledger.replace_uses([use(other, OTHER)])
    lab.remove_image(SMALL)
    assert household.prune().removed == ()
    assert [x.image_id for x in household.ledger.view().brought] == [other]


def test_an_engine_that_lost_its_disk_for_a_while_makes_nothing_forgotten(household, lab):
    image_id = household.pulled(SMALL)
    lab.remove_image(SMALL)
    household.prune()
    assert lab.docker("pull", "-q", SMALL).returncode == 0
    assert [x.image_id for x in household.prune().removed] == [image_id]


def test_a_pull_that_goes_on_is_nobody_elses_to_judge(household, lab):
    reference = parse_image(SMALL)
    with household.record.fetching(reference):
        household.record.begin(reference, None)
        household.run(lambda tools: tools.change.look())
        assert lab.docker("pull", "-q", SMALL).returncode == 0
        assert household.prune().removed == ()
        image_id = household.id_of(SMALL)
        household.ledger.arrived(reference.canonical, image_id, 1)
    assert [x.image_id for x in household.prune().removed] == [image_id]


def test_what_a_deployment_works_with_is_kept_while_it_prepares(household):
    image_id = household.pulled(SMALL)

    async def both(tools):
        tools.change.protect(image_id)
        freed = await tools.change.free_up()
        kept = (await tools.change.prune()).kept
        await tools.change.put_back()
        return freed, kept

    freed, kept = household.run(both)
    assert freed == 0
    assert [x.why for x in kept] == ["a deployment is working with it"]


def test_what_a_bundle_brought_waits_for_its_deployment(household, lab):
    assert lab.docker("pull", "-q", SMALL).returncode == 0
    image_id = household.id_of(SMALL)
    household.ledger.bring(image_id, "loaded", 1, [parse_image(SMALL).canonical])
    assert household.run(lambda tools: tools.change.free_up()) == 0
    household.run(lambda tools: tools.change.settle([], clean_up=True))
    assert household.id_of(SMALL) == image_id
    household.ledger.add_uses([use(image_id, SMALL)])
    household.run(lambda tools: tools.change.settle([], clean_up=True))
    assert household.id_of(SMALL) is None


def test_a_pull_whose_note_was_cut_off_is_ours_all_the_same(household, lab):
    household.ledger.intend(parse_image(SMALL).canonical, None, "pulled")
    assert lab.docker("pull", "-q", SMALL).returncode == 0
    image_id = household.id_of(SMALL)
    assert [x.image_id for x in household.prune().removed] == [image_id]


def test_an_engine_that_is_away_leaves_everything_for_the_next_time(household, lab):
    image_id = household.pulled(SMALL)
    lab.stop_engine()
    with pytest.raises(e.EngineUnavailable):
        household.prune()
    lab.start_engine()
    assert [x.image_id for x in household.prune().removed] == [image_id]
