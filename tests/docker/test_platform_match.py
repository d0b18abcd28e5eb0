"""An image for another machine is noticed before anything relies on it."""

from __future__ import annotations

import pytest

from greendock.docker.engine.emulation import emulated_architectures
from greendock.docker.platform_match import Match, Platform, match_platform


@pytest.mark.parametrize(
    ("image", "engine", "emulated", "match"),
    [
        (("linux", "amd64"), ("linux", "amd64"), frozenset(), Match.FITS),
        (("linux", "386"), ("linux", "amd64"), frozenset(), Match.FITS),
        (("linux", "arm"), ("linux", "arm64"), frozenset(), Match.FITS),
        (("linux", "arm64"), ("linux", "amd64"), frozenset(), Match.WRONG),
        (("linux", "arm64"), ("linux", "arm"), frozenset({"amd64"}), Match.WRONG),
        (("linux", "arm64"), ("linux", "amd64"), frozenset({"arm64"}), Match.EMULATED),
        (("linux", "arm64"), ("linux", "amd64"), None, Match.EMULATED),
        (("windows", "amd64"), ("linux", "amd64"), None, Match.WRONG),
        (("", ""), ("linux", "amd64"), frozenset(), Match.FITS),
        (("linux", "amd64"), ("", ""), frozenset(), Match.FITS),
    ],
)
def test_platforms_fit_or_do_not(image, engine, emulated, match):
    assert match_platform(Platform(*image), Platform(*engine), emulated) is match


def test_emulation_is_read_from_the_kernel(tmp_path):
    (tmp_path / "qemu-aarch64").write_text("enabled\ninterpreter /usr/bin/qemu-aarch64\n")
    (tmp_path / "qemu-arm").write_text("disabled\n")
    assert emulated_architectures(tmp_path) == {"arm64"}
    assert emulated_architectures(tmp_path / "gone") == frozenset()
