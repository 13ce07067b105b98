"""How a run ended, in words and buttons: the list, the counts, or the cause and the way out.

From ledger and metadata to one message; following the run until then is ``vibe_bot.progress``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from vibe_bot.formatting import Html, button, keyboard, link, opening, tell, together
from vibe_bot.import_words import imported_words
from vibe_bot.jobs import Job
from vibe_bot.postponed import begun_again, list_came_since, next_try
from vibe_bot.run_poller import RunSnapshot
from vibe_bot.services import BotServices
from vibe_pipeline import runs
from vibe_pipeline.accounts.call_allowance import budget_for, listening_of
from vibe_pipeline.accounts.continuation import RESTING
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
    Summary,
)
from vibe_pipeline.clients.dagster import RunView
from vibe_pipeline.locales import day, knows, listed, moment, say
from vibe_pipeline.locales.source_keys import name_key
from vibe_pipeline.personal_data.archives import archive_path
from vibe_pipeline.records import Mode, PoolState, UserId
from vibe_pipeline.sources.pools import Reason

DOCUMENT_LIMIT = 50_000_000
"""What Telegram lets a bot send."""
Figures = Mapping[str, Mapping[str, int]]
"""What a run counted, by asset and label."""
SHORTER = "shorter_than_wished"
"""The note of a list that has fewer tracks than were wished for."""
_INSTEAD = {Job.history: "history_from"}
"""What leads on where nothing begins the same again."""
CONNECT_AGAIN = frozenset(
    {
        FailureCause.CONSENT_EXPIRED,
        FailureCause.NOT_CONNECTED,
        FailureCause.GRANT_REFUSED,
        FailureCause.SCOPES_MISSING,
        FailureCause.NOT_ALLOWLISTED,
        FailureCause.OWNER_NOT_PREMIUM,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What stood in the way, and until when if that is known."""

    cause: FailureCause
    until: datetime | None = None
    playlist_changed: bool = False
    """Whether the list that was to be replaced may have been by then."""
    begun_again_at: datetime | None = None
    """When the same is begun once more by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The last thing a progress message says."""

    text: Html
    markup: InlineKeyboardMarkup | None
    good: bool
    document: Path | None = None
    """A file to send after it, and then to delete."""
    begun_again_at: datetime | None = None
    """When the same is to be asked for once more, by itself: it was promised."""


def stands(job: Job, snapshot: RunSnapshot) -> bool:
    """Whether what was asked for is there, though its run may go on, and whatever becomes of that.

    A list: written to Spotify and recorded. Anything else: its last step is through.
    """
    if snapshot.run is not None and snapshot.run.succeeded:
        return True
    if job in {Job.daily, Job.publish} and snapshot.state is EditionState.RECORDED:
        return True
    return snapshot.step_succeeded(job.stages[-1])


def result_of(
    services: BotServices,
    account: Account,
    job: Job,
    run: RunView,
    figures: Figures,
    *,
    there: bool,
) -> Result:
    """What a run comes to for its person; ``there`` is what ``stands`` says of it."""
    if not job.makes_a_list:
        if not there:
            return _failed_unrecorded(services, account, job, run)
        return _unrecorded(services, account, job, run, figures)
    edition = edition_made(services, account.user_id, run)
    if there and edition is not None and edition.tracks:
        return made(account, edition)
    if edition is None:
        return failed(account, job, run, None)
    obstacle = Obstacle(
        cause=edition.cause or FailureCause.UNEXPECTED,
        until=_still_to_come(edition.cause_until, services.now()),
        playlist_changed=edition.mode is Mode.LIVING
        and edition.state in {EditionState.PLAYLIST_MADE, EditionState.ITEMS_WRITTEN},
        begun_again_at=_begun_again_at(services, job, run, edition),
    )
    return failed(account, job, run, obstacle)


def _still_to_come(moment_of: datetime | None, now: datetime) -> datetime | None:
    return None if moment_of is None or moment_of <= now else moment_of


def _begun_again_at(
    services: BotServices, job: Job, run: RunView, edition: Edition
) -> datetime | None:
    """When a list that met Spotify's rest is made by itself, whatever was chosen by then."""
    if job is not Job.daily or edition.cause not in RESTING or edition.cause_until is None:
        return None
    wishes, now = services.store.pending_launches, services.now()
    if (again := wishes.get(begun_again(run.run_id))) is not None:
        return again.postponed_until if again.rests and again.wanted_at > now else None
    if list_came_since(services.store, edition.user_id, edition.created_at, now):
        return None
    wish = wishes.get(run.tags.get(runs.REQUEST, ""))
    return next_try(wish, edition.cause_until, now)


def edition_made(services: BotServices, user_id: UserId, run: RunView) -> Edition | None:
    """The edition a run works on; one whose wish was launched before it found that run's."""
    made = runs.edition_of(run.tags, run.run_id, run.root_run_id)
    root = runs.root_edition(run.run_id, run.root_run_id)
    return services.store.editions.known(made, user_id, runs.occasion_of(run.tags, root))


def _unrecorded(
    services: BotServices, account: Account, job: Job, run: RunView, figures: Figures
) -> Result:
    """What came of a run that makes no list of its own."""
    match job:
        case Job.sync:
            return synced(account, figures)
        case Job.history:
            return taken_in(account, run, figures)
        case Job.restore:
            return changed_back(services, account, run)
        case _:
            return exported(services, account, run)


def made(account: Account, edition: Edition) -> Result:
    """A list that is there: title, link, honest counts, where it came from, what to do next."""
    preview = edition.kind is EditionKind.PREVIEW
    ask = tell(account.language, "bot.made.preview")
    text = together(
        titled(account.language, edition),
        "",
        *summed_up(account, edition),
        *(("", ask) if preview else ()),
    )
    return Result(text=text, markup=keyboard(*_list_buttons(account.language, edition)), good=True)


def titled(language: str, edition: Edition) -> Html:
    """The list's name, leading to it where it is on Spotify."""
    words = edition.title or say(language, "bot.made.untitled")
    if edition.kind is EditionKind.PREVIEW or edition.playlist_url is None:
        key = "preview_title" if edition.kind is EditionKind.PREVIEW else "title"
        return tell(language, f"bot.made.{key}", title=words)
    return together(
        tell(language, "bot.made.title", title=link(edition.playlist_url, words)),
        None if opening(words, edition.playlist_url) else link_in_words(edition.playlist_url),
    )


def link_in_words(address: str) -> Html:
    """An address that no button may hold, readable and copyable."""
    return link(address, address)


def summed_up(account: Account, edition: Edition) -> list[Html]:
    """The counts, the sources, and what did not come out as wished."""
    language, summary = account.language, edition.summary
    if summary is None:
        return [tell(language, "bot.count.tracks", count=len(edition.tracks))]
    lines = [
        tell(
            language,
            "bot.made.counts",
            tracks=say(language, "bot.count.tracks", count=summary.new + summary.familiar),
            new=say(language, "bot.count.new", count=summary.new),
            familiar=say(language, "bot.count.familiar", count=summary.familiar),
        )
    ]
    used = sorted(summary.sources.items(), key=lambda item: (-item[1], item[0]))
    if used:
        names = [
            say(language, "bot.made.source", name=source_name(language, name), count=count)
            for name, count in used
            if count
        ]
        lines.append(tell(language, "bot.made.sources", sources=" · ".join(names)))
    return lines + _unmet(account, edition, summary)


def source_name(language: str, source: str) -> str:
    """A source as people call it."""
    key = name_key(source)
    return say(language, key) if knows(key) else source


def failed(account: Account, job: Job, run: RunView, obstacle: Obstacle | None) -> Result:
    """Why there is nothing, and what to do; a list comes by itself when Spotify's rest ends."""
    language, known = account.language, obstacle or Obstacle(cause=FailureCause.UNEXPECTED)
    why = because(account, known.cause, known.until)
    if known.cause is FailureCause.UNEXPECTED and (run.called_off or run.vanished):
        why = tell(language, f"bot.failed.{'canceled' if run.called_off else 'vanished'}")
    untouched = None
    if job.makes_a_list and not known.playlist_changed:
        untouched = tell(language, "bot.failed.untouched")
    title = tell(language, f"bot.failed.{job.failure}")
    if known.begun_again_at is not None:
        promised = together(title, "", promise(account, known.cause, known.begun_again_at))
        text = together(promised, untouched)
        return Result(text=text, markup=None, good=False, begun_again_at=known.begun_again_at)
    markup = keyboard([way_out(language, known.cause, job, run.tags)])
    return Result(text=together(title, "", why, untouched), markup=markup, good=False)


def _failed_unrecorded(services: BotServices, account: Account, job: Job, run: RunView) -> Result:
    """What makes no list leaves no row in the ledger: its run says why, or it is seen elsewhere."""
    if (told := runs.failure_told(run.tags)) is not None:
        cause, ends = told
        return failed(account, job, run, Obstacle(cause=FailureCause(cause), until=ends))
    if not job.asks_spotify:
        return failed(account, job, run, None)
    budget = budget_for(
        services.store, account.user_id, listening_of(account.user_id), asked_for=True
    )
    until = budget.blocked_until("spotify") or budget.opens_at("spotify")
    obstacle = None if until is None else Obstacle(cause=FailureCause.QUOTA, until=until)
    if not account.connected:
        ended = account.spotify_account_id is not None
        obstacle = Obstacle(
            cause=FailureCause.CONSENT_EXPIRED if ended else FailureCause.NOT_CONNECTED
        )
    return failed(account, job, run, obstacle)


def because(account: Account, cause: FailureCause, until: datetime | None) -> Html:
    """A cause in words, with the time it ends on the person's clock where we know it."""
    key = f"bot.failed.{cause}"
    if until is None or not knows(f"{key}_until"):
        return tell(account.language, key)
    when = moment(account.language, until, account.zone)
    return tell(account.language, f"{key}_until", until=when)


def because_then(account: Account, cause: FailureCause) -> Html:
    """A cause that may be over by now, in words that are true whenever they are read."""
    key = f"bot.failed.{cause}"
    return tell(account.language, f"{key}_then" if knows(f"{key}_then") else key)


def promise(account: Account, cause: FailureCause, until: datetime) -> Html:
    """Why there is no list yet, until when, and that it comes then."""
    comes = tell(account.language, "bot.failed.comes_by_itself")
    return together(because(account, cause, until), comes)


def way_out(
    language: str, cause: FailureCause, job: Job, tags: Mapping[str, str]
) -> InlineKeyboardButton:
    """The button to go on with, after a run that bears these tags."""
    if cause is FailureCause.NOTHING_TO_CHOOSE:
        return button(say(language, "button.artists"), "go:artists")
    if cause in CONNECT_AGAIN:
        return button(say(language, "button.connect_again"), "go:connect")
    if cause in {FailureCause.TRACKS_GONE, FailureCause.PLAYLIST_GONE}:
        return button(say(language, "button.generate"), "go:generate")
    again = job.again(tags) or f"go:{_INSTEAD.get(job, 'generate')}"
    return button(say(language, "button.try_again"), again)


def synced(account: Account, figures: Figures) -> Result:
    """The likes are up to date: how many there are, what came and went, what was played."""
    language = account.language
    likes, plays = figures.get("liked_tracks", {}), figures.get("recent_plays", {})
    total = say(language, "bot.count.likes", count=account.likes_cached or 0)
    lines = [tell(language, "bot.synced.done", likes=total), Html("")]
    if "added" in likes and "removed" in likes:
        added, removed = likes["added"], likes["removed"]
        key = "changes" if added or removed else "no_changes"
        lines.append(tell(language, f"bot.synced.{key}", added=added, removed=removed))
    if plays.get("added"):
        lines.append(tell(language, "bot.synced.plays", count=plays["added"]))
    markup = keyboard([button(say(language, "button.generate"), "go:generate")])
    return Result(text=Html(together(*lines).strip()), markup=markup, good=True)


def changed_back(services: BotServices, account: Account, run: RunView) -> Result:
    """A list was taken back, or put in place again: what the playlist holds now."""
    language, editions = account.language, services.store.editions
    edition_id = runs.named_edition(run.tags)
    edition = None if edition_id is None else editions.get(edition_id)
    if edition is None:
        return Result(text=tell(language, "bot.done"), markup=None, good=True)
    told = day(language, edition.vibe_date)
    lacks = _lacking(account, run)
    nothing_left = runs.UNDO not in run.tags and _lacks_all(edition, run)
    if runs.UNDO not in run.tags and not nothing_left:
        result = made(account, edition)
        intro = tell(language, "bot.undo.restored", day=told)
        return replace(result, text=together(intro, "", result.text, *lacks))
    standing = editions.standing(account.user_id)
    others = (one for one in standing if one.edition_id != edition.edition_id)
    before = next((one for one in others if one.playlist_id == edition.playlist_id), None)
    words = tell(language, "bot.undo.gone", day=told)
    if before is not None:
        previous = day(language, before.vibe_date)
        key = "nothing_left" if nothing_left else "previous"
        words = tell(language, f"bot.undo.{key}", day=told, previous=previous)
    counts = tell(language, "bot.undo.counts") if edition.undone_at is not None else None
    again = button(say(language, "button.again"), "go:generate")
    back = button(say(language, "button.restore"), f"rs:{edition.edition_id}")
    if nothing_left:
        return Result(text=together(words, counts), markup=keyboard([again]), good=True)
    text = together(words, *(lacks if before is not None else ()), counts)
    return Result(text=text, markup=keyboard([back], [again]), good=True)


def _lacks_all(edition: Edition, run: RunView) -> bool:
    """Whether nothing was left of the list that was to be put in place."""
    return 0 < len(edition.tracks) <= runs.missing_from(run.tags)


def _lacking(account: Account, run: RunView) -> list[Html]:
    """What is not in the playlist of a list that was put in place: explicit, or no more there."""
    language, missing = account.language, runs.missing_from(run.tags)
    lines = [tell(language, "bot.undo.clean")] if account.leaves_out_explicit else []
    if missing:
        tracks = say(language, "bot.count.tracks", count=missing)
        lines.append(tell(language, "bot.undo.missing", tracks=tracks))
    return lines


def exported(services: BotServices, account: Account, run: RunView) -> Result:
    """The archive is there to be sent."""
    path = archive_path(services.settings.home, run.run_id)
    if not path.is_file():
        return Result(text=tell(account.language, "bot.export.gone"), markup=None, good=False)
    if path.stat().st_size > DOCUMENT_LIMIT:
        return Result(text=tell(account.language, "bot.export.too_big"), markup=None, good=False)
    return Result(
        text=tell(account.language, "bot.export.done"), markup=None, good=True, document=path
    )


def taken_in(account: Account, run: RunView, figures: Figures) -> Result:
    """What a file of plays brought, or why it brought nothing."""
    refused = runs.failure_told(run.tags)
    reason = None if refused is None else refused[0]
    text = imported_words(account.language, figures.get("listening_history", {}), reason)
    return Result(text=text, markup=None, good=reason is None)


def gave_up(language: str, job: Job, tags: Mapping[str, str], waited: timedelta) -> Result:
    """We waited long enough; said honestly."""
    hours = max(1, int(waited.total_seconds() // 3600))
    text = together(
        tell(language, f"bot.failed.{job.failure}"),
        "",
        tell(
            language,
            "bot.progress.gave_up",
            hours=say(language, "bot.progress.hours", count=hours),
        ),
    )
    markup = keyboard([way_out(language, FailureCause.UNEXPECTED, job, tags)])
    return Result(text=text, markup=markup, good=False)


def _list_buttons(language: str, edition: Edition) -> list[list[InlineKeyboardButton | None]]:
    tracks = button(say(language, "button.tracks"), f"tr:{edition.edition_id}:0")
    why = button(say(language, "button.why"), f"ys:{edition.edition_id}:0")
    if edition.kind is EditionKind.PREVIEW:
        publish = button(say(language, "button.publish"), f"pb:{edition.edition_id}")
        again = button(say(language, "button.again"), "go:preview")
        return [[publish], [tracks, why], [again]]
    again = button(say(language, "button.again"), "go:generate")
    open_it = opening(say(language, "button.open"), edition.playlist_url or "")
    return [[open_it], [tracks, why], [again]]


def _unmet(account: Account, edition: Edition, summary: Summary) -> list[Html]:
    """What did not come out as wished, said once each."""
    language = account.language
    blanks: dict[str, object] = {
        "new": summary.new,
        "tracks": say(language, "bot.count.tracks", count=len(edition.tracks)),
    }
    lines = []
    for note in _notes_worth_saying(summary):
        wished = summary.wished if note == SHORTER else summary.wished_new
        lines.append(tell(language, f"bot.note.{note}", **blanks | {"wished": wished}))
    late = _cut_off(summary)
    if late:
        names = listed(language, [source_name(language, one) for one in late])
        lines.append(tell(language, "bot.made.cut_off", sources=names))
    failing = [
        pool.source
        for pool in summary.pools
        if pool.state == PoolState.FAILED.value and pool.source not in late
    ]
    if failing:
        names = listed(language, [source_name(language, one) for one in failing])
        lines.append(tell(language, "bot.made.without", sources=names))
    return [Html(""), *lines] if lines else []


def _cut_off(summary: Summary) -> list[str]:
    """The sources that had no time to answer, where the list would have gained by it.

    One that brought something is worth a word only when the list is shorter or less new than
    wished.
    """
    short = SHORTER in summary.notes or summary.new < summary.wished_new
    return [
        pool.source
        for pool in summary.pools
        if pool.reason == Reason.CUT_OFF and (short or not pool.offered)
    ]


def _notes_worth_saying(summary: Summary) -> list[str]:
    """The notes we have words for; that nothing is new says already that less is.

    Of a list of before nobody knows how many tracks were wished for when it was made.
    """
    known = [note for note in summary.notes if knows(f"bot.note.{note}")]
    notes = [note for note in known if note != SHORTER or summary.wished is not None]
    if "only_familiar" in notes:
        return [note for note in notes if note != "fewer_new_than_wished"]
    return notes
