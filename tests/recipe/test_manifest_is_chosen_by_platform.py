"""The first manifest whose whole Platform fits the device's labels is chosen."""

import pytest

from greendock.recipe.device import device_labels
from greendock.recipe.model import Manifest, Recipe
from greendock.recipe.platform import choose_manifest, fits, labels_of

LINUX = {"os": "linux", "architecture": "amd64"}


@pytest.mark.parametrize(
    ("platform", "fit"),
    [
        ({}, True),
        ({"os": "linux"}, True),
        ({"os": "Linux"}, False),
        ({"os": "darwin"}, False),
        ({"os": "*", "runtime": "*"}, True),
        ({"runtime": None}, True),
        ({"runtime": "aws_nucleus_lite"}, False),
        ({"os": "all", "architecture": "any"}, True),
        ({"os": "ALL"}, False),
        ({"runtime": "all"}, False),
        ({"os": "/linux|darwin/"}, True),
        ({"os": "/lin/"}, False),
        ({"os": "/lin.*/", "architecture": "/arm|aarch64/"}, False),
        ({"os": "/(/"}, False),
        ({"os": "//"}, False),
        ({"os": "/"}, False),
        ({"os": "/" + "(.*)" * 60 + "x/"}, False),
        ({"os": "-linux"}, False),
        ({"os": ""}, False),
        ({"os": "linux", "architecture": "arm"}, False),
    ],
)
def test_a_platform_fits(platform, fit):
    assert fits(platform, LINUX) is fit


def test_a_blank_label_matches_only_what_matches_always():
    assert not fits({"x": "/.*/"}, {"x": " "})
    assert fits({"x": "*"}, {"x": " "})


def test_the_word_all_is_literal_under_other_keys():
    assert fits({"board": "all"}, {"board": "all"})
    assert not fits({"board": "all"}, {"board": "pi"})


def test_the_first_fitting_manifest_counts():
    manifests = tuple(
        Manifest(name=name, platform=platform)
        for name, platform in [
            ("mac", {"os": "darwin"}),
            ("pc", {"os": "linux", "architecture": "amd64"}),
            ("rest", {}),
        ]
    )
    recipe = Recipe("a", "1.0.0", manifests)
    chosen = choose_manifest(recipe, LINUX)
    assert chosen is not None
    assert chosen.name == "pc"
    other = choose_manifest(recipe, {"os": "linux", "architecture": "arm"})
    assert other is not None
    assert other.name == "rest"
    assert choose_manifest(Recipe("a", "1.0.0", manifests[:1]), LINUX) is None


@pytest.mark.parametrize(
    ("system", "machine", "labels"),
    [
        ("Linux", "x86_64", {"os": "linux", "architecture": "amd64"}),
        ("Linux", "i686", {"os": "linux", "architecture": "x86"}),
        (
            "Linux",
            "armv7l",
            {"os": "linux", "architecture": "arm", "architecture.detail": "armv7l"},
        ),
        (
            "Linux",
            "aarch64",
            {"os": "linux", "architecture": "aarch64", "architecture.detail": "aarch64"},
        ),
        ("Darwin", "x86_64", {"os": "darwin", "architecture": "amd64"}),
        ("Windows", "AMD64", {"os": "windows", "architecture": "amd64"}),
        ("Plan9", "vax", {"os": "unknown", "architecture": "unknown"}),
    ],
)
def test_labels_of_machines(system, machine, labels):
    assert labels_of(system, machine, {}) == labels


def test_overrides_win_and_only_text_counts():
    labels = labels_of("Linux", "x86_64", {"os": "mine", "runtime": "r", "n": 1, "x": None})
    assert labels == {"os": "mine", "architecture": "amd64", "runtime": "r"}


def test_this_machine_has_labels():
    labels = device_labels({"board": "test"})
    assert labels["os"] in ("linux", "darwin", "windows")
    assert labels["board"] == "test"
    assert "runtime" not in labels
