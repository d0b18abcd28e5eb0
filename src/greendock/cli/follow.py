"""Follows one deployment to its end: feeds its events to a view, then reports how it ended.

Waits and prints; what is drawn and what is said about the end is decided elsewhere. Leaves the
deployment alone whatever happens to the wait: a timeout, Ctrl-C, a core that goes away.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any, Protocol

from greendock.cli.client import Client
from greendock.cli.deployment_text import failure_lines
from greendock.cli.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_NOT_OVER,
    CliError,
    NoCoreError,
)
from greendock.cli.outcome import failure, final_object, goes_on
from greendock.cli.output import complain, error_object, say, say_json, warn
from greendock.cli.progress_lines import ProgressLines
from greendock.cli.progress_state import Progress


class View(Protocol):
    """Something that shows progress; entered before the first event, left after the last."""

    @property
    def tick_s(self) -> float: ...

    def __enter__(self) -> View: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, progress: Progress, now_s: float) -> None: ...

    def tick(self, now_s: float) -> None: ...


class _Silent:
    """Shows nothing: with --json the last object says all."""

    tick_s = 1.0

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, progress: Progress, now_s: float) -> None:
        pass

    def tick(self, now_s: float) -> None:
        pass


class _Plain(_Silent):
    """Prints a line per change."""

    def __init__(self) -> None:
        self._lines = ProgressLines()

    def show(self, progress: Progress, now_s: float) -> None:
        for line in self._lines.lines(progress, now_s):
            say(line)
        sys.stdout.flush()


def follow_deployment(
    client: Client, deployment_id: str, *, timeout_s: float | None, as_json: bool
) -> int:
    """Wait until the deployment is over, showing how it goes; the exit code says how it ended."""
    progress = Progress()
    if not as_json:
        say(f"Local deployment submitted! Deployment Id: {deployment_id}")
    started_s = time.monotonic()
    try:
        with _view(as_json) as view:
            _watch(client, deployment_id, timeout_s, progress, view)
    except KeyboardInterrupt:
        error = CliError(
            f"no longer waiting; deployment {deployment_id} goes on",
            hint=goes_on(deployment_id, client.root),
        )
        return _stop_waiting(deployment_id, error, EXIT_INTERRUPTED, as_json)
    except NoCoreError as lost:
        error = CliError(
            f"{lost.message} while it worked on deployment {deployment_id}",
            hint=f"once it runs again, {goes_on(deployment_id, client.root)}",
        )
        return _stop_waiting(deployment_id, error, lost.exit_code, as_json)
    except TimeoutError:
        error = CliError(
            f"deployment {deployment_id} is not over after {timeout_s:g} s and goes on",
            hint=goes_on(deployment_id, client.root),
        )
        return _stop_waiting(deployment_id, error, EXIT_NOT_OVER, as_json)
    return _report(progress, client.root, time.monotonic() - started_s, as_json)


def _view(as_json: bool) -> View:
    if as_json:
        return _Silent()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        try:
            from greendock.cli.progress_live import LiveView
        except ImportError:
            return _Plain()
        return LiveView()
    return _Plain()


def _watch(
    client: Client, deployment_id: str, timeout_s: float | None, progress: Progress, view: View
) -> None:
    """Returns once the final status is in `progress`; TimeoutError when that takes too long."""
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
    request = {"deploymentId": deployment_id}
    subscription = client.subscribe("greendock#SubscribeToDeployment", request)
    while not progress.is_final:
        if subscription.ended:
            answer = client.call("greendock#DescribeDeployment", request)
            progress.apply({"status": answer.get("deployment", {})})
            if not progress.is_final:
                raise NoCoreError("the core stopped telling")
            break
        now_s = time.monotonic()
        if deadline_s is not None and now_s >= deadline_s:
            raise TimeoutError
        event = subscription.next(
            view.tick_s if deadline_s is None else min(view.tick_s, deadline_s - now_s)
        )
        if event is None:
            view.tick(time.monotonic())
        else:
            progress.apply(event)
            view.show(progress, time.monotonic())


def _stop_waiting(deployment_id: str, error: CliError, exit_code: int, as_json: bool) -> int:
    if as_json:
        say_json({"deploymentId": deployment_id, "error": error_object(error)})
    else:
        complain(error)
    return exit_code


def _report(progress: Progress, root: str, took_s: float, as_json: bool) -> int:
    error = failure(progress, root)
    deployment: Any = progress.deployment
    if as_json:
        say_json(final_object(progress, error))
    elif error is None:
        say(f"Deployment {deployment.get('deploymentId')} SUCCEEDED in {took_s:.1f} s")
    else:
        sys.stdout.flush()
        complain(error)
        if deployment.get("status") == "FAILED":
            for line in failure_lines({**deployment, "cause": None}):
                warn(line)
    return EXIT_FAILED if error else 0
