"""The pipeline's jobs that a person can start from the chat, as their messages tell of them.

Names, tags and launch requests are ``vibe_pipeline.runs``'.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vibe_pipeline import runs

_MAKING = ("library", "seed_profile", "candidates", "ranked_selection")


class Job(StrEnum):
    """A job by its name in the pipeline; the member's own name is its word in the catalogues."""

    daily = runs.DAILY_VIBE
    preview = runs.PREVIEW_VIBE
    sync = runs.SYNC_LIBRARY
    publish = runs.PUBLISH_PREVIEW
    restore = runs.RESTORE_EDITION
    export = runs.EXPORT_PERSON
    history = runs.IMPORT_HISTORY

    @property
    def stages(self) -> tuple[str, ...]:
        """The steps worth showing, in their order."""
        return _STAGES[self]

    @property
    def failure(self) -> str:
        """The catalogues' sentence for its failure, under ``bot.failed``."""
        return "list" if self.makes_a_list else self.name

    @property
    def makes_a_list(self) -> bool:
        """Whether a list comes of it, to look at or to listen to."""
        return self in {Job.daily, Job.preview, Job.publish}

    @property
    def asks_spotify(self) -> bool:
        """Whether it needs the person's Spotify account."""
        return self not in {Job.export, Job.history}

    @property
    def counts(self) -> bool:
        """Whether its result tells what it counted."""
        return self in {Job.sync, Job.history}

    @property
    def command(self) -> str | None:
        """The command that starts it; a preview's button or a file that was sent has none."""
        return _COMMANDS.get(self)

    def again(self, tags: Mapping[str, str]) -> str | None:
        """What a button sends to begin the same once more as the run that bears these tags."""
        edition_id = runs.named_edition(tags)
        if edition_id is not None and self is Job.publish:
            return f"pb:{edition_id}"
        if edition_id is not None and self is Job.restore:
            return "go:undo" if runs.UNDO in tags else f"rs:{edition_id}"
        return None if self.command is None else f"go:{self.command}"


_STAGES = {
    Job.daily: (*_MAKING, "playlist"),
    Job.preview: _MAKING,
    Job.sync: ("library",),
    Job.publish: ("playlist",),
    Job.restore: ("restore",),
    Job.export: ("export",),
    Job.history: ("sent_history",),
}
_COMMANDS = {
    Job.daily: "generate",
    Job.preview: "preview",
    Job.sync: "sync",
    Job.export: "export",
}


def job_named(name: str) -> Job:
    """The job of this name; an unknown one is shown like the usual one."""
    return next((job for job in Job if job.value == name), Job.daily)
