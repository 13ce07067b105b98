"""The pipeline's jobs that a person can start from the chat, as their messages tell of them.

Names, tags and launch requests are ``vibe_pipeline.runs``'.
"""

from __future__ import annotations

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

    @property
    def stages(self) -> tuple[str, ...]:
        """The steps worth showing, in their order."""
        return _STAGES[self]

    @property
    def failure(self) -> str:
        """The catalogues' sentence for its failure, under ``bot.failed``."""
        return self.name if self in {Job.sync, Job.restore, Job.export} else "list"

    @property
    def makes_a_list(self) -> bool:
        """Whether a list comes of it, to look at or to listen to."""
        return self in {Job.daily, Job.preview, Job.publish}

    @property
    def asks_spotify(self) -> bool:
        """Whether it needs the person's Spotify account."""
        return self is not Job.export

    @property
    def command(self) -> str | None:
        """The command that starts it; publishing is started from a preview's button only."""
        return _COMMANDS.get(self)


_STAGES = {
    Job.daily: (*_MAKING, "playlist"),
    Job.preview: _MAKING,
    Job.sync: ("library",),
    Job.publish: ("playlist",),
    Job.restore: ("restore",),
    Job.export: ("export",),
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
