"""The scripts of one component: made ready, started as the right user, logged, ended.

Knows steps, users, folders, environment and logs; knows nothing of states. component.py decides
which step runs when. One `Life` lasts from install or start to the end of all processes.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from greendock.base.errors import ConfigurationError, DeviceError
from greendock.base.output_levels import stream_level
from greendock.lifecycle import process, run_as
from greendock.lifecycle.environment import EnvironmentParts, process_environment
from greendock.lifecycle.host import Host
from greendock.lifecycle.model import ComponentSpec, ResourceLimits, State
from greendock.lifecycle.ports import LineCount
from greendock.lifecycle.process import Launch, ScriptProcess
from greendock.lifecycle.process_tree import ProcessTree
from greendock.lifecycle.run_as import Account
from greendock.lifecycle.skip import Places, is_skipped
from greendock.lifecycle.status import Kind, StepError
from greendock.lifecycle.users import UnknownUserError, require_traversable
from greendock.lifecycle.work_folder import needs_hand_over, prepare_work_folder
from greendock.recipe.model import DEFAULT_TIMEOUT_S, Step, Steps

_log = logging.getLogger("greendock.lifecycle")
_COLLECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Life:
    """What all processes of one life of a component share."""

    spec: ComponentSpec
    account: Account
    token: str = field(repr=False)
    generation: int
    work_folder: Path
    began_at_s: float
    docker: Mapping[str, str] = field(default_factory=dict)
    """Variables by which its scripts reach Docker."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A step that only has to be started; keeps user and environment of when it was made."""

    name: str
    step: Step
    launch: Launch

    @property
    def timeout_s(self) -> float | None:
        own = self.step.timeout_s
        return DEFAULT_TIMEOUT_S[self.name] if own is None else own

    @property
    def log_name(self) -> str:
        """Greengrass's name of the script: a step written as a plain string has no `.script`."""
        plain = self.step == Step(self.step.script)
        return f"{self.name.capitalize()}{'' if plain else '.script'}"


class Scripts:
    """Runs scripts of the component `name`; `state` tells its present state, for the log."""

    def __init__(self, name: str, host: Host, state: Callable[[], State]) -> None:
        self._name = name
        self._host = host
        self._state = state
        self._log = host.logs.get(name)
        self._started: list[ScriptProcess] = []
        self.tree = ProcessTree(host.core_id, name, host.groups.group(name))

    async def begin(self, spec: ComponentSpec, generation: int, step: str) -> Life:
        """Whom to run as, the work folder, the token. `step` names what fails if this does.

        Raises StepError.
        """
        host = self._host
        with _told_as(step, self._name):
            wanted = run_as.choose(
                spec.run_with.posix_user,
                host.settings.default_posix_user,
                host.users.core_is_root,
            )
            account = await host.users.resolve(wanted)
            require_traversable(host.paths.work, account)
            folder = host.paths.work_folder(self._name)
            await _make_folder(folder, account, thorough=_has_privileged(spec.steps))
        token = host.identities.issue(self._name, generation)
        return Life(spec, account, token, generation, folder, host.clock.now())

    async def go_on(self, life: Life, spec: ComponentSpec, step: str) -> Life:
        """The same life, by `spec`; what a privileged install made belongs to the user now.

        Raises StepError.
        """
        if _has_privileged(spec.steps):
            with _told_as(step, self._name):
                await _make_folder(life.work_folder, life.account, thorough=True)
        return replace(life, spec=spec)

    def _inherited(self) -> dict[str, str]:
        """The core's own environment without what is none of a component's business."""
        withheld = self._host.settings.withheld_variables
        return {
            name: text for name, text in self._host.environment.items() if name not in withheld
        }

    def prepare(
        self, life: Life, name: str, step: Step, extra: Mapping[str, str] | None = None
    ) -> Prepared | None:
        """Make `step` ready; None when skipif says to skip it. Raises StepError."""
        host = self._host
        account = host.users.own() if step.requires_privilege else life.account
        environment = process_environment(
            EnvironmentParts(
                component=self._name,
                core_id=host.core_id,
                inherited=self._inherited(),
                shared=host.surroundings.environment(),
                token=life.token,
                user_name=account.name,
                home=account.home,
                work_folder=str(life.work_folder),
                docker=life.docker,
                setenv=life.spec.steps.environment,
                step_setenv=step.environment,
                extra=extra or {},
            )
        )
        try:
            if is_skipped(step.skip_if, self._places(life, environment)):
                self._log.write(
                    "INFO", "step-skipped", "skipif holds", **self._contexts(name, step)
                )
                return None
        except ValueError as error:
            raise StepError(name, Kind.CONFIG_NOT_VALID, f"cannot run {name}: {error}") from error
        launch = Launch(self._shell(name), step.script, life.work_folder, environment, account)
        return Prepared(name, step, launch)

    def log_name(self, prepared: Prepared) -> str:
        """The script's name in the component's log: the context `scriptName`."""
        return f"services.{self._name}.lifecycle.{prepared.log_name}"

    def start(self, prepared: Prepared, count: LineCount | None = None) -> ScriptProcess:
        """Start it; `count` is told of its lines. Raises StepError."""
        name = prepared.name
        contexts = {"scriptName": self.log_name(prepared), "serviceName": self._name}
        # Not the script's text, as Greengrass writes it: values of the configuration stand in it.
        self._log.write(
            "INFO",
            "shell-runner-start",
            "",
            **contexts,
            currentState=self._state(),
        )

        def on_line(stream: str, line: str) -> None:
            more = {**contexts, "currentState": self._state()}
            if count is None:
                self._log.write(stream_level(stream), stream, line.rstrip(), **more)
                return
            count.took(stream, line)
            if (level := self._log.output_level(stream, line)) is not None:
                now_s = self._host.clock.now()
                self._log.write_output(now_s, level, stream, line.rstrip(), more)

        try:
            started = process.start(prepared.launch, self.tree, on_line)
        except OSError as error:
            place = f" ({error.filename})" if error.filename else ""
            reason = f"cannot start {name} of {self._name}: {error.strerror}{place}"
            raise StepError(name, Kind.IO_ERROR, reason) from error
        except ValueError as error:
            reason = f"cannot start {name} of {self._name}: its environment isn't valid: {error}"
            raise StepError(name, Kind.CONFIG_NOT_VALID, reason) from error
        self._started.append(started)
        started.exit.add_done_callback(lambda future: self._ended(name, future))
        return started

    def _ended(self, name: str, future: asyncio.Future[int]) -> None:
        if future.cancelled():
            return
        self.tree.tidy()
        message = f"{name.capitalize()} script exited"
        contexts = {
            "exitCode": future.result(),
            "serviceName": self._name,
            "currentState": self._state(),
        }
        self._log.write("INFO", None, message, **contexts)
        _log.info(message, extra={"contexts": contexts})

    async def end(self, first: int | None, grace_s: float | None = None) -> None:
        """End all processes of the component and take their last output."""
        await self.tree.end(self._host.grace_s if grace_s is None else grace_s, first)
        running = [started.exit for started in self._started if not started.has_ended]
        if running:
            # They are dead; the loop only has to hear of it.
            await asyncio.wait(running, timeout=_COLLECT_S)
        for started in self._started:
            started.close()
        self._started.clear()

    def limit(self, limits: ResourceLimits | None) -> None:
        """Apply resource limits to what runs and to what starts; failures are logged only."""
        if self.tree.group is None:
            if limits is not None:
                self._log.write("WARN", None, "resource limits are not enforced on this machine")
            return
        try:
            self.tree.group.limit(limits)
        except OSError as error:
            self._log.write("WARN", None, f"cannot apply resource limits: {error}")

    def remove(self) -> None:
        """Forget the control group."""
        if self.tree.group is not None:
            self.tree.group.remove()

    def _contexts(self, name: str, step: Step) -> dict[str, object]:
        return {"step": name, "skipif": step.skip_if, "serviceName": self._name}

    def _shell(self, step: str) -> str:
        shell = self._host.settings.posix_shell
        path = shutil.which(shell)
        if path is None:
            raise StepError(
                step,
                Kind.IO_ERROR,
                f"cannot run scripts: there is no shell {shell!r} on this machine",
                "set runWithDefault.posixShell to one that exists",
            )
        return path

    def _places(self, life: Life, environment: Mapping[str, str]) -> Places:
        paths = self._host.paths
        return Places(
            search_path=environment["PATH"],
            home=Path(self._host.users.own().home),
            root=paths.root,
            config=paths.config,
            packages=paths.recipes.parent,
            work=life.work_folder,
        )


def has_scripts(steps: Steps) -> bool:
    """Whether there is anything to run before the component's removal."""
    return any((steps.install, steps.startup, steps.run, steps.shutdown))


def timed_out(prepared: Prepared) -> StepError:
    return overran(prepared.name, prepared.timeout_s)


def overran(step: str, limit_s: float | None) -> StepError:
    return StepError(
        step,
        Kind.TIMEOUT,
        f"the {step} script did not end within {limit_s or 0:g} s",
        f"raise the timeout of {step} in the recipe if it needs longer",
    )


def exited(name: str, status: int) -> StepError:
    return StepError(name, Kind.ERROR, f"the {name} script exited with code {status}")


@contextmanager
def _told_as(step: str, name: str) -> Iterator[None]:
    """Turn what can go wrong before a script starts into a StepError of `step`."""
    try:
        yield
    except ConfigurationError as error:
        raise StepError(step, Kind.CONFIG_NOT_VALID, error.message, error.hint) from error
    except UnknownUserError as error:
        raise StepError(step, Kind.MISSING_DEFAULT_RUNWITH, error.message, error.hint) from error
    except DeviceError as error:
        raise StepError(step, Kind.IO_ERROR, error.message, error.hint) from error
    except OSError as error:
        reason = f"cannot prepare the work folder of {name}: {error}"
        raise StepError(step, Kind.IO_ERROR, reason) from error


async def _make_folder(folder: Path, account: Account, *, thorough: bool) -> None:
    # A folder with much in it can take long to hand over: not on the event loop.
    if needs_hand_over(folder, account, thorough=thorough):
        await asyncio.to_thread(prepare_work_folder, folder, account, thorough=thorough)
    else:
        prepare_work_folder(folder, account, thorough=False)


def _has_privileged(steps: Steps) -> bool:
    all_steps = (steps.install, steps.startup, steps.run, steps.shutdown, steps.recover)
    return any(step is not None and step.requires_privilege for step in all_steps)
