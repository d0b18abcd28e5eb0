"""The fixture `core` gives a real core that can be stopped, killed and started again."""

from __future__ import annotations

COMPONENT = "com.example.Whoami"
RECIPE = f"""\
RecipeFormatVersion: '2020-01-25'
ComponentName: {COMPONENT}
ComponentVersion: 1.0.0
Manifests:
  - Platform:
      os: linux
    Lifecycle:
      Run: id --user --name && docker version --format 'API {{{{.Server.APIVersion}}}}'
"""


def test_components_run_as_the_default_user_and_reach_the_engine(core, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    core.deploy(recipe)
    core.wait_log(COMPONENT, "stdout. ggc_user")
    core.wait_log(COMPONENT, "stdout. API 1.")
    assert core.wait_state(COMPONENT, ["FINISHED", "BROKEN"]) == "FINISHED"
    assert core.state("com.example.NoSuch") == ""


def test_a_core_that_was_killed_starts_again(core):
    core.kill()
    assert not core.running
    assert core.cli("component", "list").returncode != 0
    core.start()
    assert core.cli("component", "list").returncode == 0
    assert core.stop() == 0, core.tail()


def test_a_core_with_a_configuration_and_variables_of_its_own(make_core):
    services = {"services": {"aws.greengrass.Nucleus": {"configuration": {"awsRegion": "x-1"}}}}
    core = make_core(config=services, env={"OF_THE_TEST": "1"}, started=False)
    assert not core.running
    core.start()
    listed = core.cli("component", "details", "--name", "aws.greengrass.Nucleus")
    assert "x-1" in listed.stdout, core.describe(listed)
    assert core.stop() == 0
