"""An image goes only when we brought it, and no component and no container needs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.engine.model import ContainerUse, StoredImage
from greendock.docker.keeping.cleanup import decide
from greendock.docker.keeping.ledger import BroughtImage, ImageUse, LedgerView
from greendock.docker.reference import canonical_name

WEB = "docker.io/library/nginx:1.25"


def stored(image_id="one", tags=("nginx:1.25",), digests=("nginx@sha256:" + "a" * 64,)):
    return StoredImage(image_id, tags, digests, 1000)


def view(brought=("one",), names=None, uses=()):
    given_names = {"one": frozenset({WEB})} if names is None else names
    return LedgerView(
        tuple(BroughtImage(image_id, "pulled", 1.0, 1000) for image_id in brought),
        given_names,
        tuple(uses),
    )


def use(image_id="one", name=WEB, component="com.example.Web", version="1.0.0"):
    return ImageUse(component, version, f"docker:{name}", name, image_id)


def fate(ledger, images, containers=(), protected=()):
    return decide(ledger, images, containers, protected)[0]


def test_what_we_brought_and_nothing_needs_goes_with_all_its_names():
    found = fate(view(), [stored()])
    assert found.goes_whole
    assert found.remove == ("nginx:1.25", "nginx@sha256:" + "a" * 64)
    assert found.why == "nothing needs it"


@pytest.mark.parametrize(
    ("ledger", "containers", "protected", "why"),
    [
        (view(uses=[use()]), (), (), "needed by com.example.Web 1.0.0"),
        # The id is another one by now, the name still is what a component lists.
        (view(uses=[use(image_id="older")]), (), (), "needed by com.example.Web 1.0.0"),
        (view(brought=()), (), (), "not brought by Greendock"),
        (view(), (), ("one",), "a deployment is working with it"),
        (
            view(),
            (ContainerUse("c", "web", "one", "exited"),),
            (),
            "used by container web",
        ),
    ],
)
def test_what_keeps_an_image(ledger, containers, protected, why):
    found = fate(ledger, [stored()], containers, protected)
    assert (found.why, found.remove, found.goes_whole) == (why, (), False)


def test_an_image_that_another_component_lists_is_kept_where_nucleus_lite_deletes_it():
    uses = [use(component="com.example.Other")]
    assert fate(view(uses=uses), [stored()]).why == "needed by com.example.Other 1.0.0"


@pytest.mark.parametrize(
    "spelling",
    ["nginx", "nginx:latest", "docker.io/library/nginx", "index.docker.io/nginx:latest"],
)
def test_every_spelling_of_a_name_is_one_name(spelling):
    uses = [use(image_id="other", name=canonical_name(spelling))]
    found = fate(view(names={"one": frozenset()}, uses=uses), [stored(tags=("nginx:latest",))])
    assert not found.goes_whole
    assert found.why.startswith("needed by")


def test_a_name_that_somebody_else_gave_stays_with_its_image():
    found = fate(view(), [stored(tags=("nginx:1.25", "mine:1"))])
    assert found.remove == ("nginx:1.25",)
    assert not found.goes_whole
    assert found.why == "somebody else named it mine:1"


def test_a_dangling_leftover_of_a_moved_tag_goes():
    found = fate(view(), [stored(tags=())])
    assert found.goes_whole
    assert found.remove == ("nginx@sha256:" + "a" * 64,)


IDS = st.sampled_from(["a", "b", "c", "d"])


@given(
    brought=st.frozensets(IDS),
    used=st.frozensets(IDS),
    held=st.frozensets(IDS),
    protected=st.frozensets(IDS),
    present=st.frozensets(IDS),
)
def test_never_what_is_needed_always_what_is_not(brought, used, held, protected, present):
    def name(image_id):
        return f"docker.io/library/{image_id}:1"

    ledger = view(
        brought=sorted(brought),
        names={i: frozenset({name(i)}) for i in brought},
        uses=[use(i, name(i)) for i in sorted(used)],
    )
    images = [StoredImage(i, (f"{i}:1",), (), 1) for i in sorted(present)]
    containers = [ContainerUse(i, i, i, "running") for i in sorted(held)]
    gone = {f.image_id for f in decide(ledger, images, containers, protected) if f.goes_whole}
    assert gone == (brought & present) - used - held - protected
