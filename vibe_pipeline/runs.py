"""The contract of runs: what the programs launch, how a run is tagged, and what follows from tags.

Bot, OAuth service, schedules, sensors and assets meet here and repeat no string. Job names, tag
names and tag values are stored with every run ever launched: they are added to, never changed.
Not here: Dagster or anything heavy (the chat must start fast), how a request is sent
(``clients/dagster``), who is due at night (``nightly``), what a job does (``defs/jobs``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Self

from vibe_pipeline.records import EditionId, Source, UserId

DAILY_VIBE = "daily_vibe"
PREVIEW_VIBE = "preview_vibe"
PUBLISH_PREVIEW = "publish_preview"
PREPARE_VIBE = "prepare_vibe"
PREPARE_FIRST_VIBE = "prepare_first_vibe"
SYNC_LIBRARY = "sync_library"
WALK_LIBRARY = "walk_library"
COLLECT_LISTENING = "collect_listening"
READ_HISTORY = "read_history"
IMPORT_HISTORY = "import_history"
COMPARE_POLICIES = "compare_policies"
RESTORE_EDITION = "restore_edition"
EXPORT_PERSON = "export_person"
FORGET_PERSON = "forget_person"
REPLAY_VIBE = "replay_vibe"
NIGHTLY_RETENTION = "nightly_retention"

JOBS = (
    DAILY_VIBE,
    PREVIEW_VIBE,
    PUBLISH_PREVIEW,
    PREPARE_VIBE,
    PREPARE_FIRST_VIBE,
    SYNC_LIBRARY,
    WALK_LIBRARY,
    COLLECT_LISTENING,
    READ_HISTORY,
    IMPORT_HISTORY,
    COMPARE_POLICIES,
    RESTORE_EDITION,
    EXPORT_PERSON,
    FORGET_PERSON,
    REPLAY_VIBE,
    NIGHTLY_RETENTION,
)
"""Every job there is."""

UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
"""Dagster's words for the states of a run that has not ended."""

LIST_JOBS = frozenset({DAILY_VIBE, PREVIEW_VIBE, PUBLISH_PREVIEW, RESTORE_EDITION})
"""What changes or makes a person's list: never two of them at a time for one person."""

USERS = "users"
"""The partition set: one key per person, their ``UserId``."""

OCCASION = "vibe/occasion"
"""What the list is for, such as ``nightly:2026-11-20``: one edition each, however often asked."""

ASKED_BY = "vibe/asked_by"
"""``CHAT``, ``SCHEDULE``, ``OPERATOR``, ``AHEAD`` or ``CONNECTING``."""

VIBE_DATE = "vibe/vibe_date"
"""The local day the list is for, in ISO form; today on the person's clock when absent."""

EDITION = "vibe/edition"
"""Names the edition to work on, made earlier by another run: publish it, put it back."""

CONTINUED = "vibe/continued"
"""The run goes on with an edition that others left unfinished: how many there were."""

REPEATS = "vibe/repeats"
"""The run does again what another was asked for and did not come to, since it was killed: which."""

CAUSE = "vibe/cause"
"""Why a run that works on no edition came to nothing, where it said so: a ``FailureCause``."""

NOT_BEFORE = "vibe/not_before"
"""The moment before which the same would come to nothing again, in ISO form."""

UNDO = "vibe/undo"
"""Take the edition back instead of putting it in place; present or absent, whatever the value."""

STOOD_SINCE = "vibe/stood_since"
"""Since when the edition to be taken back stood as its person saw it then, in ISO form: what stands
otherwise by now was taken back already, and stays as it is."""

CUT_OFF = "vibe/cut_off"
"""The sources that were still asking when the deadline came, with commas between: they are asked
again ahead of the next list."""

STILL_TO_WALK = "vibe/still_to_walk"
"""How many likes of a long library the run left unread: they are walked on ahead of time."""

MISSING = "vibe/missing"
"""How many tracks of the list that the run put in place exist no more, where some do not."""

FILE = "vibe/file"
"""The file that the run takes in, by its name among those that its person sent."""

RECEIPT = "vibe/receipt"
"""The receipt number of the erasure a run is for."""

REQUEST = "vibe/request"
"""Marks one launch, so that a launch whose answer was lost can be found."""

PARTITION = "dagster/partition"
"""Whose run it is. Dagster's own tag, written by it for every partitioned run."""

PERSON = "vibe/person"
"""Whose turn a run takes: one at a time for each person, as ``dagster.yaml`` limits it. What is
done ahead of time goes without, so that it holds up nobody who asks."""

PRIORITY = "dagster/priority"
"""Dagster's own tag: who is served first among the queued; 0 when absent."""

FAILURE_REASON = "dagster/failure_reason"
"""Dagster's own tag: why a run failed. ``STEP_FAILED`` where a step said so; none when killed."""

STEP_FAILED = "STEP_FAILURE"

RUN_KEY = "dagster/run_key"
"""Dagster's own tag: the key of the request that a schedule or sensor launched the run for."""

TAGS = (
    OCCASION,
    ASKED_BY,
    VIBE_DATE,
    EDITION,
    CONTINUED,
    REPEATS,
    CAUSE,
    NOT_BEFORE,
    UNDO,
    STOOD_SINCE,
    CUT_OFF,
    STILL_TO_WALK,
    MISSING,
    FILE,
    RECEIPT,
    REQUEST,
    PARTITION,
    PERSON,
    PRIORITY,
)
"""Every tag the programs read or write."""

CHAT = "chat"
SCHEDULE = "schedule"
OPERATOR = "operator"
AHEAD = "ahead"
CONNECTING = "connecting"
"""Somebody has just connected, and will ask for a list any moment."""

PEOPLE_WAIT = "10"
"""The priority of what somebody watches in the chat."""

SOON_ASKED = "5"
"""The priority of what somebody will most likely ask for in a moment."""

NOBODY_WAITS = "-10"
"""The priority of what happens by itself."""

CAN_WAIT = "-20"
"""The priority of what is done ahead of time."""

NIGHTLY_PREFIX = "nightly:"
ASKED_PREFIX = "asked:"

REPEATED_JOBS = frozenset(
    {PREVIEW_VIBE, RESTORE_EDITION, SYNC_LIBRARY, EXPORT_PERSON, IMPORT_HISTORY}
)
"""What is begun again when its run was killed. Lists go on where the ledger stands instead."""

MOST_REPEATS = 3

FORGET_OP = "forget"
REPLAY_OP = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """One run to launch. Made by purpose, so that whoever launches for it launches the same.

    ``partition_key`` is the person, ``None`` for what is about everybody or must not name anybody.
    ``run_key`` is the schedule's or sensor's: a second request with the same key starts nothing.
    ``run_config`` is Dagster's: ``{"ops": {OP: {"config": {...}}}}``.
    """

    job: str
    partition_key: UserId | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    run_key: str | None = None
    run_config: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def asked_list(cls, user_id: UserId) -> Self:
        """A list for today, asked for in the chat."""
        return cls._from_chat(DAILY_VIBE, user_id)

    @classmethod
    def preview(cls, user_id: UserId) -> Self:
        """A list to look at, asked for in the chat."""
        return cls._from_chat(PREVIEW_VIBE, user_id)

    @classmethod
    def publication(cls, user_id: UserId, edition_id: EditionId) -> Self:
        """Publish exactly the list that was shown as a preview."""
        return cls._from_chat(PUBLISH_PREVIEW, user_id, {EDITION: edition_id})

    @classmethod
    def continuation(
        cls,
        user_id: UserId,
        edition_id: EditionId,
        *,
        occasion: str,
        vibe_date: date,
        chosen: bool,
        attempt: int,
    ) -> Self:
        """Go on with an edition whose run came to nothing, where the ledger stands.

        With its tracks ``chosen`` only publishing is left. ``attempt`` counts the edition's runs.
        """
        nightly = occasion.startswith(NIGHTLY_PREFIX)
        return cls(
            job=PUBLISH_PREVIEW if chosen else DAILY_VIBE,
            partition_key=user_id,
            tags={
                EDITION: edition_id,
                CONTINUED: str(attempt - 1),
                VIBE_DATE: vibe_date.isoformat(),
                ASKED_BY: SCHEDULE if nightly else CHAT,
                PERSON: user_id,
                PRIORITY: NOBODY_WAITS if nightly else PEOPLE_WAIT,
                **({OCCASION: occasion} if nightly else {}),
            },
            run_key=f"continue:{edition_id}:{attempt}",
        )

    @classmethod
    def repetition(
        cls,
        job: str,
        user_id: UserId,
        tags: Mapping[str, str],
        run_id: str,
        *,
        edition_id: EditionId | None = None,
    ) -> Self:
        """Do again what this run was asked for, which was killed; ``tags`` are that run's.

        ``edition_id`` is the edition that it had begun, if it had.
        """
        kept = (ASKED_BY, VIBE_DATE, EDITION, UNDO, STOOD_SINCE, FILE, PERSON, PRIORITY)
        begun = {} if edition_id is None else {EDITION: str(edition_id)}
        return cls(
            job=job,
            partition_key=user_id,
            tags={
                **{name: tags[name] for name in kept if name in tags},
                **begun,
                CONTINUED: str(_runs_before(tags) + 1),
                REPEATS: run_id,
            },
            run_key=f"again:{run_id}",
        )

    @classmethod
    def sync(cls, user_id: UserId) -> Self:
        """Reread likes and plays, asked for in the chat."""
        return cls._from_chat(SYNC_LIBRARY, user_id)

    @classmethod
    def first_preparation(cls, user_id: UserId) -> Self:
        """Read the library of somebody who has just connected, and ask for their first list.

        It takes no turn of theirs: a list they ask for meanwhile begins at once and joins it.
        """
        return cls(
            job=PREPARE_FIRST_VIBE,
            partition_key=user_id,
            tags={ASKED_BY: CONNECTING, PRIORITY: SOON_ASKED},
        )

    @classmethod
    def restoration(cls, user_id: UserId, edition_id: EditionId) -> Self:
        """Put a past list into its playlist again."""
        return cls._from_chat(RESTORE_EDITION, user_id, {EDITION: edition_id})

    @classmethod
    def undoing(cls, user_id: UserId, edition_id: EditionId, *, stood_since: datetime) -> Self:
        """Take a publication back that stands since then; done again, it takes back no more."""
        tags = {EDITION: edition_id, UNDO: "yes", STOOD_SINCE: stood_since.isoformat()}
        return cls._from_chat(RESTORE_EDITION, user_id, tags)

    @classmethod
    def export(cls, user_id: UserId) -> Self:
        """Everything kept about the person, as one file."""
        return cls._from_chat(EXPORT_PERSON, user_id)

    @classmethod
    def importing(cls, user_id: UserId, file_name: str) -> Self:
        """Take in the plays of a file that the person sent, by its name among theirs."""
        return cls._from_chat(IMPORT_HISTORY, user_id, {FILE: file_name})

    @classmethod
    def nightly(cls, user_id: UserId, vibe_date: date, *, attempt: int = 1) -> Self:
        """The night's list; another attempt, from 1 up, is another run of the same edition."""
        key = f"{user_id}:{vibe_date}"
        return cls(
            job=DAILY_VIBE,
            partition_key=user_id,
            tags={
                OCCASION: nightly_occasion(vibe_date),
                VIBE_DATE: vibe_date.isoformat(),
                ASKED_BY: SCHEDULE,
                PERSON: user_id,
                PRIORITY: NOBODY_WAITS,
            },
            run_key=key if attempt == 1 else f"{key}:{attempt}",
        )

    @classmethod
    def collecting(cls, user_id: UserId, at: datetime) -> Self:
        """Keep what the person played before Spotify forgets it, at this tick."""
        return cls(
            job=COLLECT_LISTENING,
            partition_key=user_id,
            tags={ASKED_BY: SCHEDULE, PERSON: user_id, PRIORITY: NOBODY_WAITS},
            run_key=f"{user_id}:{at.isoformat()}",
        )

    @classmethod
    def reading_history(cls, user_id: UserId, at: datetime) -> Self:
        """Read on in what the person played elsewhere, at this tick; it takes no turn of theirs."""
        return cls(
            job=READ_HISTORY,
            partition_key=user_id,
            tags={ASKED_BY: AHEAD, PRIORITY: CAN_WAIT},
            run_key=f"history:{user_id}:{at.isoformat()}",
        )

    @classmethod
    def reading_named_history(cls, user_id: UserId) -> Self:
        """The same as soon as there is time for it, for whoever has just named an account."""
        return cls(
            job=READ_HISTORY,
            partition_key=user_id,
            tags={ASKED_BY: AHEAD, PRIORITY: CAN_WAIT},
        )

    @classmethod
    def preparing(cls, user_id: UserId, after_run_id: str) -> Self:
        """Ask and look up for the person's next lists, once after each run that gives reason to."""
        return cls(
            job=PREPARE_VIBE,
            partition_key=user_id,
            tags={ASKED_BY: AHEAD, PRIORITY: CAN_WAIT},
            run_key=f"ahead:{after_run_id}",
        )

    @classmethod
    def preparing_by_day(cls, user_id: UserId, at: datetime) -> Self:
        """The same at this tick, for whose next list nothing is ready."""
        return cls.preparing(user_id, f"{user_id}:{at.isoformat()}")

    @classmethod
    def walking(cls, user_id: UserId, after_run_id: str) -> Self:
        """Read a few more pages of a long library, once after each run that left some unread."""
        return cls(
            job=WALK_LIBRARY,
            partition_key=user_id,
            tags={ASKED_BY: AHEAD, PRIORITY: CAN_WAIT},
            run_key=f"walk:{after_run_id}",
        )

    @classmethod
    def comparison(cls, day: date) -> Self:
        """The verdict on the compared policies, once a day at most."""
        return cls(
            job=COMPARE_POLICIES,
            tags={ASKED_BY: SCHEDULE, PRIORITY: NOBODY_WAITS},
            run_key=day.isoformat(),
        )

    @classmethod
    def retention(cls, day: date) -> Self:
        """Letting go of what nobody needs any more, once a night."""
        return cls(
            job=NIGHTLY_RETENTION,
            tags={ASKED_BY: SCHEDULE, PRIORITY: NOBODY_WAITS},
            run_key=day.isoformat(),
        )

    @classmethod
    def forgetting(cls, receipt: str, *, asked_by: str, attempt: int | None = None) -> Self:
        """Keep a promise to erase; a run outlives its work, so it names the receipt only.

        ``attempt``, from 1 up, is for the sensor, which begins again what was not finished.
        """
        return cls(
            job=FORGET_PERSON,
            tags={ASKED_BY: asked_by, RECEIPT: receipt},
            run_key=None if attempt is None else f"{receipt}:{attempt}",
            run_config=_config(FORGET_OP, {"receipt": receipt}),
        )

    @classmethod
    def replay(
        cls,
        user_id: UserId,
        vibe_date: date,
        *,
        edition_id: EditionId | None = None,
        policy: str | None = None,
    ) -> Self:
        """A past list made again from its stored inputs, for an operator to look at."""
        config = {"vibe_date": vibe_date.isoformat(), "edition_id": edition_id, "policy": policy}
        given = {name: value for name, value in config.items() if value is not None}
        return cls(
            job=REPLAY_VIBE,
            partition_key=user_id,
            tags={ASKED_BY: OPERATOR},
            run_config=_config(REPLAY_OP, given),
        )

    @classmethod
    def _from_chat(cls, job: str, user_id: UserId, tags: Mapping[str, str] | None = None) -> Self:
        """What somebody asks for and then watches."""
        waited_for = {ASKED_BY: CHAT, PERSON: user_id, PRIORITY: PEOPLE_WAIT}
        return cls(job=job, partition_key=user_id, tags={**waited_for, **(tags or {})})

    def marked(self, request_id: str) -> Self:
        """The same launch under a mark of its own, by which its run can be found again."""
        return replace(self, tags={**self.tags, REQUEST: request_id})


def nightly_occasion(vibe_date: date) -> str:
    """The name under which the ledger keeps one nightly list per person and date."""
    return f"{NIGHTLY_PREFIX}{vibe_date.isoformat()}"


def root_edition(run_id: str, root_run_id: str | None) -> EditionId:
    """The edition a run makes unless it was handed one: a rerun goes on with the first run's."""
    return EditionId(root_run_id or run_id)


def named_edition(tags: Mapping[str, str]) -> EditionId | None:
    """The edition a run was handed, which another run began."""
    named = tags.get(EDITION)
    return None if named is None else EditionId(named)


def stood_since(tags: Mapping[str, str]) -> datetime | None:
    """Since when the edition to take back stood, if told; ``ValueError`` for what is no moment."""
    written = tags.get(STOOD_SINCE)
    return None if written is None else datetime.fromisoformat(written)


def edition_of(tags: Mapping[str, str], run_id: str, root_run_id: str | None) -> EditionId:
    """The edition a run works on: the one it was handed, else the one it makes."""
    return named_edition(tags) or root_edition(run_id, root_run_id)


def occasion_of(tags: Mapping[str, str], root: EditionId) -> str:
    """What a run's list is for: what its tag says, or the wish it was launched for.

    A wish launched twice, since the first answer was lost, so has one list. A run by hand is an
    occasion of its own.
    """
    return tags.get(OCCASION) or f"{ASKED_PREFIX}{tags.get(REQUEST, root)}"


def is_nightly(tags: Mapping[str, str]) -> bool:
    """Whether nobody waits in the chat for this run."""
    by_itself = tags.get(ASKED_BY) == SCHEDULE
    return by_itself or tags.get(OCCASION, "").startswith(NIGHTLY_PREFIX)


def somebody_waits(tags: Mapping[str, str]) -> bool:
    """Whether the run was asked for, so that it may use what others must leave."""
    return not is_nightly(tags) and tags.get(ASKED_BY) != AHEAD


def watched(tags: Mapping[str, str]) -> bool:
    """Whether a message in the chat follows the run."""
    return tags.get(ASKED_BY) == CHAT


def is_wanted(job: str, tags: Mapping[str, str]) -> bool:
    """Whether somebody asked in the chat to have exactly this list published."""
    return job == PUBLISH_PREVIEW and watched(tags) and not is_continuation(tags)


def is_repeated(job: str, tags: Mapping[str, str]) -> bool:
    """Whether a failed run is begun again by itself: somebody waits for it, and it was killed.

    One that said why it failed is not, nor what was killed too often.
    """
    killed = tags.get(FAILURE_REASON) != STEP_FAILED
    asked = job in REPEATED_JOBS and watched(tags)
    return asked and killed and _runs_before(tags) < MOST_REPEATS


def repetition_tags(run_id: str) -> dict[str, str]:
    """What the run carries that does again what this one was asked for."""
    return {REPEATS: run_id}


def vibe_date_of(tags: Mapping[str, str]) -> date | None:
    """The local day a run's list is for, if it was told; ``ValueError`` for what is no date."""
    written = tags.get(VIBE_DATE)
    return date.fromisoformat(written) if written else None


def owner_of(tags: Mapping[str, str]) -> UserId | None:
    """Whose run it is; ``None`` for one about nobody."""
    key = tags.get(PARTITION)
    return None if key is None else UserId(key)


def owner_tags(user_id: UserId) -> dict[str, str]:
    """What every run of this person carries."""
    return {PARTITION: user_id}


def cut_off_tags(sources: Iterable[Source]) -> dict[str, str]:
    """What a run carries whose sources were cut off; nothing when none was."""
    names = ",".join(sorted(sources))
    return {CUT_OFF: names} if names else {}


def cut_off_sources(tags: Mapping[str, str]) -> list[Source]:
    """The sources that a deadline cut off in this run."""
    names = tags.get(CUT_OFF, "").split(",")
    return [source for source in Source if source in names]


def still_to_walk_tags(likes: int) -> dict[str, str]:
    """What a run carries that left so many likes unread; nothing when none is."""
    return {STILL_TO_WALK: str(likes)} if likes > 0 else {}


def failure_tags(cause: str, until: datetime | None) -> dict[str, str]:
    """What a run carries that came to nothing and has no edition to note it with."""
    moment = {} if until is None else {NOT_BEFORE: until.isoformat()}
    return {CAUSE: cause, **moment}


def failure_told(tags: Mapping[str, str]) -> tuple[str, datetime | None] | None:
    """The cause that a run was tagged with, and until when it lasts."""
    cause, until = tags.get(CAUSE), tags.get(NOT_BEFORE)
    return None if cause is None else (cause, datetime.fromisoformat(until) if until else None)


def missing_tags(count: int) -> dict[str, str]:
    """What a run carries that put a list in place without all of its tracks."""
    return {MISSING: str(count)}


def missing_from(tags: Mapping[str, str]) -> int:
    """How many tracks the list lacks that a run put in place."""
    return int(tags.get(MISSING, 0))


def turn_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """What a run about a person still lacks to take that person's turn; empty when nothing.

    A backfill, a launch by hand and some reruns come without; only what is done ahead of time,
    or for somebody who has just connected, keeps out of the way on purpose.
    """
    owner = owner_of(tags)
    if owner is None or PERSON in tags or tags.get(ASKED_BY) in {AHEAD, CONNECTING}:
        return {}
    return {PERSON: owner}


def occasion_tags(user_id: UserId, occasion: str) -> dict[str, str]:
    """What every run for this occasion of this person's carries."""
    return {OCCASION: occasion, PARTITION: user_id}


def next_attempt(earlier: Sequence[Mapping[str, str]]) -> int:
    """The number of the next run for the same, by the tags of those there were: a free one.

    Counting is not enough, for somebody may have deleted some of them, and a key whose run exists
    starts nothing.
    """
    numbers = [tags.get(RUN_KEY, "").rpartition(":")[2] for tags in earlier]
    return max([len(earlier), *(int(one) for one in numbers if one.isdecimal())]) + 1


def receipt_tags(receipt: str) -> dict[str, str]:
    """What every run for this erasure carries."""
    return {RECEIPT: receipt}


def waiting_tags() -> dict[str, str]:
    """What every run carries that somebody watches in the chat: the queue takes these first."""
    return {PRIORITY: PEOPLE_WAIT}


def request_tags(request_id: str) -> dict[str, str]:
    """What the one run of this marked launch carries."""
    return {REQUEST: request_id}


def is_continuation(tags: Mapping[str, str]) -> bool:
    """Whether the run goes on with what another had begun."""
    return CONTINUED in tags


def _runs_before(tags: Mapping[str, str]) -> int:
    """How many runs were made for the same before this one."""
    written = tags.get(CONTINUED, "")
    return int(written) if written.isdecimal() else 0


def _config(op: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {"ops": {op: {"config": dict(config)}}}
