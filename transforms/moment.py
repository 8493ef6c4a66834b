"""The moment by which a stage goes: that of its run, or of a job that never ends, whenever it is asked for."""

from __future__ import annotations

import datetime as dt


def moment(now: dt.datetime | None) -> dt.datetime:
    """``now``, the moment of a run; in a job that never ends, which has ``None``, what the clock says."""
    return dt.datetime.now(dt.UTC) if now is None else now
