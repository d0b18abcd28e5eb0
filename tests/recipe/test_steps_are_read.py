"""A lifecycle becomes steps; what is wrong with it is named by step."""

import pytest

from greendock.base.errors import ConfigurationError
from greendock.recipe.model import SkipIf, Step, Steps
from greendock.recipe.step_rules import parse_skip_if
from greendock.recipe.steps import read_steps


def read(lifecycle):
    return read_steps(lifecycle, "a.b")


def test_a_text_is_a_script():
    assert read({"Run": "x"}) == Steps(run=Step("x"))


def test_every_key_in_any_case():
    lifecycle = {
        "SETENV": {"A": "1", "B": 2.0, "C": True, "D": None, "E": 1.5},
        "ErrorResetTime": "60",
        "install": {
            "Script": "i",
            "requiresprivilege": True,
            "SkipIf": "! exists  /a b ",
            "Timeout": "1.5",
            "SetEnv": {"X": "y"},
        },
        "STARTUP": {"script": "s"},
    }
    assert read(lifecycle) == Steps(
        install=Step("i", True, SkipIf("exists", "/a b", True), 1.5, {"X": "y"}),
        startup=Step("s"),
        environment={"A": "1", "B": "2", "C": "true", "E": "1.5"},
        error_reset_s=60,
    )


def test_all_step_names():
    names = ("bootstrap", "install", "startup", "run", "shutdown", "recover", "uninstall")
    steps = read({name.upper(): name for name in names})
    assert [getattr(steps, name).script for name in names] == list(names)


@pytest.mark.parametrize("value", [None, "", "  \n", {"script": ""}, {"script": None}])
def test_null_and_blank_steps_are_absent(value):
    assert read({"run": value}) == Steps()


@pytest.mark.parametrize(
    ("written", "is_privileged"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("True", True),
        ("YES", True),
        ("on", True),
        ("t", True),
        ("Y", True),
        ("false", False),
        ("no", False),
        ("maybe", False),
        (1, False),
        ("{configuration:/missing}", False),
    ],
)
def test_requires_privilege(written, is_privileged):
    steps = read({"run": {"script": "x", "requiresPrivilege": written}})
    assert steps.run is not None
    assert steps.run.requires_privilege is is_privileged


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("onpath docker", SkipIf("onpath", "docker")),
        ("!onpath docker", SkipIf("onpath", "docker", True)),
        (" ! exists /x ", SkipIf("exists", "/x", True)),
        ("exists ~root/x", SkipIf("exists", "~root/x")),
        ("onpath", None),
        ("OnPath x", None),
        ("existsx", None),
        ("", None),
        ("!!onpath x", None),
    ],
)
def test_skip_if(text, expected):
    assert parse_skip_if(text) == expected


@pytest.mark.parametrize(
    ("lifecycle", "reason"),
    [
        ({"Run": {"timeout": 1}}, "Run: the step Run has no script"),
        ({"Run": ["x"]}, "Run: the script"),
        ({"Run": {"script": "x", "Timeout": "soon"}}, "Run.Timeout: Timeout cannot be 'soon'"),
        ({"Run": {"script": "x", "Timeout": "{configuration:/t}"}}, "Run.Timeout: "),
        ({"Run": {"script": "x", "Timeout": float("nan")}}, "Run.Timeout: "),
        ({"Run": {"script": "x", "skipif": "when x"}}, "Run.skipif: "),
        ({"Run": {"script": "x", "skipif": "{configuration:/t}"}}, "Run.skipif: "),
        ({"Run": {"script": "x", "setenv": "A"}}, "Run.setenv: "),
        ({"setenv": {"A": {}}}, "setenv.A: "),
        ({"errorResetTime": -1}, "errorResetTime: "),
    ],
)
def test_faults_name_the_step(lifecycle, reason):
    with pytest.raises(ConfigurationError) as caught:
        read(lifecycle)
    assert caught.value.message.startswith("cannot use the lifecycle of a.b: ")
    assert reason in caught.value.message
    assert caught.value.codes == ("COMPONENT_CONFIGURATION_NOT_VALID",)
    assert caught.value.hint


def test_all_faults_are_named():
    with pytest.raises(ConfigurationError) as caught:
        read({"Run": {}, "install": {"script": "x", "timeout": "y"}})
    assert "Run: " in caught.value.message
    assert "install.timeout: " in caught.value.message
