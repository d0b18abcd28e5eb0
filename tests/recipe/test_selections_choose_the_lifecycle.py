"""A manifest's own lifecycle, or its share of the global one."""

import pytest

from greendock.recipe.model import Manifest, Recipe
from greendock.recipe.selections import effective_lifecycle

K1 = Manifest(selections=("key1",))
K2 = Manifest(selections=("key2", "key3"))
PLAIN = Manifest()


def chosen(lifecycle, manifest, manifests=(K1, K2, PLAIN)):
    return effective_lifecycle(Recipe("a", "1.0.0", manifests, lifecycle=lifecycle), manifest)


@pytest.mark.parametrize(
    ("lifecycle", "manifest", "expected"),
    [
        ({"install": {"key1": "A", "all": "B"}}, K1, {"install": "A"}),
        ({"install": {"key1": "A", "all": "B"}}, K2, {"install": "B"}),
        ({"install": {"key1": "A"}}, K2, {}),
        ({"install": {"key3": "C", "key2": "B"}}, K2, {"install": "B"}),
        ({"install": {"key2": None, "key3": "C"}}, K2, {"install": "C"}),
        ({"key1": {"run": "A"}, "key2": {"run": "B"}}, K2, {"run": "B"}),
        ({"key1": {"run": "A"}, "all": {"run": "B"}}, PLAIN, {"run": "B"}),
        ({"all": {"run": {"script": {"key1": "A", "all": "B"}}}}, K1, {"run": {"script": "A"}}),
        ({"run": {"script": "x", "timeout": {"key1": 1}}}, K2, {"run": {"script": "x"}}),
        ({"run": {"key1": "A", "script": "ignored"}}, K1, {"run": "A"}),
        ({"run": {"Key1": "A"}}, K1, {"run": {"Key1": "A"}}),
        ({"run": "x", "install": None}, K1, {"run": "x"}),
        ({"setenv": {"A": [1, {"key1": 2}]}}, K2, {"setenv": {"A": [1, {"key1": 2}]}}),
        ({"all": "not a map"}, K1, {}),
        ({}, K1, {}),
    ],
)
def test_the_global_lifecycle_is_filtered(lifecycle, manifest, expected):
    assert chosen(lifecycle, manifest) == expected


def test_an_own_lifecycle_counts_as_it_is():
    own = Manifest(lifecycle={"run": {"all": "x"}})
    assert chosen({"run": "global"}, own, (own, K1)) == {"run": {"all": "x"}}


def test_an_empty_own_lifecycle_does_not_count():
    own = Manifest(lifecycle={})
    assert chosen({"run": "global"}, own, (own,)) == {"run": "global"}
