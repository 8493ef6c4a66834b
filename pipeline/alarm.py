"""Telling someone else: a command or a webhook that is given what a run should not keep to itself.

What is told is one JSON object. Its ``text`` is for people, under the key that chat servers (Slack, Mattermost,
Rocket.Chat) post from a webhook. A hook that fails is a line of warning and never a reason for a run to fail.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from pipeline.drift import Alarm
from schemas.feed import Notice

COMMAND_SECONDS = 30.0
WEBHOOK_SECONDS = 10.0
"""So long a hook may take, all in all; then the command is killed with whatever it has started."""

_STDERR = 2
"""What a command prints goes there: the last line on stdout is the run's own."""


class Event(StrEnum):
    """What a hook can be run for."""

    FAILED = "failed"
    DRIFT = "drift"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told; from ``[alarm]`` in the settings.

    Attributes:
        command: a program and its arguments, run without a shell, with the JSON on its stdin; empty: none.
        webhook: an address that the JSON is posted to; empty: none.
        on: for which events.
    """

    command: tuple[str, ...] = ()
    webhook: str = ""
    on: frozenset[Event] = frozenset(Event)


@dataclass(frozen=True, slots=True)
class Happened:
    """What came of a run.

    Attributes:
        root: of the data set.
        at: the moment of the run.
        error: why it failed; ``None`` where it did not.
        alarms: what has drifted, told before or not.
        notices: what a person should know of feeds and hosts and was not so before (see ``unknown``).
        summary: the object that ``--json`` prints, where there is one.
    """

    root: str
    at: dt.datetime
    error: str | None = None
    alarms: tuple[Alarm, ...] = ()
    notices: tuple[Notice, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> frozenset[Event]:
        """What it is an event of; an alarm that was told before is none any more."""
        is_so = {
            Event.FAILED: self.error is not None,
            Event.DRIFT: any(alarm.new for alarm in self.alarms),
            Event.NOTICE: bool(self.notices),
        }
        return frozenset(event for event, so in is_so.items() if so)

    def as_json(self) -> dict[str, Any]:
        """All of it; ``text`` has the lines for people."""
        lines = [f"knipsel, {self.root}:"]
        lines += [f"failed: {self.error}"] if self.error is not None else []
        lines += [str(alarm) for alarm in self.alarms if alarm.new]
        lines += [f"{notice.code} {notice.about}: {notice.message}" for notice in self.notices]
        return {
            "events": sorted(self.events),
            "text": "\n".join(lines),
            "root": self.root,
            "at": self.at.isoformat(),
            "error": self.error,
            "alarms": [alarm.as_json() for alarm in self.alarms],
            "notices": [{"code": n.code, "about": n.about, "message": n.message} for n in self.notices],
            "summary": dict(self.summary),
        }


def unknown(notices: Iterable[Notice], before: Iterable[Notice]) -> tuple[Notice, ...]:
    """Those of the ``notices`` that were not there ``before``: a feed that fails for a week is told once."""
    known = {(notice.code, notice.about) for notice in before}
    return tuple(notice for notice in notices if (notice.code, notice.about) not in known)


def tell(hooks: Hooks, happened: Happened) -> tuple[str, ...]:
    """Run the hooks, if any is for what ``happened``.

    Returns:
        A line for each hook that failed. It names no more of a webhook than its host, for the rest may be secret.
    """
    if not hooks.on & happened.events:
        return ()
    data = json.dumps(happened.as_json(), ensure_ascii=False).encode("utf-8", "replace")
    faults = (
        _run(hooks.command, data) if hooks.command else None,
        asyncio.run(_post(hooks.webhook, data)) if hooks.webhook else None,
    )
    return tuple(fault for fault in faults if fault is not None)


def _run(command: tuple[str, ...], data: bytes) -> str | None:
    name = f"alarm.command: {command[0]}"
    try:
        # Its own process group, so that what it has started ends with it.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=_STDERR, start_new_session=True)  # noqa: S603 - the user's own settings name it
    except OSError as fault:
        return f"{name}: cannot be started ({fault.strerror})"
    with process:
        try:
            process.communicate(data, timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"{name}: took longer than {COMMAND_SECONDS:.0f} s and was ended"
        except BaseException:
            # Whoever stops this program is not to wait for what it has started.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return f"{name}: ended with status {process.returncode}" if process.returncode else None


async def _post(url: str, data: bytes) -> str | None:
    name = f"alarm.webhook: {urlsplit(url).hostname}"
    limit = aiohttp.ClientTimeout(total=WEBHOOK_SECONDS)
    headers = {"content-type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(url, data=data, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                return f"{name}: answered with status {answer.status}"
    except TimeoutError:
        return f"{name}: gave no answer in {WEBHOOK_SECONDS:.0f} s"
    except (aiohttp.ClientError, OSError) as fault:
        return f"{name}: cannot be reached ({type(fault).__name__})"
    return None
