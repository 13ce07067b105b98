"""What a playlist is called and says about itself, in the person's language.

The title's own rule is ``title``'s; what tells a playlist of ours apart is ``own_playlists``'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from vibe_pipeline.accounts.records import Account, Edition, Summary
from vibe_pipeline.locales import day, say
from vibe_pipeline.playlists.selection_summary import made_from_before
from vibe_pipeline.playlists.title import plain_title, title_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What the playlist is called and says about itself."""

    title: str
    description: str


def wording(account: Account, edition: Edition, summary: Summary) -> Wording:
    """Title and description in the person's language."""
    made_from = "description_stale" if made_from_before(summary) else "description"
    return Wording(
        title=title_of(account, edition, summary),
        description=say(
            account.language,
            f"playlist.{made_from}",
            date=day(account.language, edition.vibe_date),
            new=summary.new,
            familiar=summary.familiar,
        ),
    )


def plain_wording(account: Account, edition: Edition) -> Wording:
    """Words that nobody can take offence at, for when Spotify takes no others."""
    return Wording(
        title=plain_title(account, edition), description=day(account.language, edition.vibe_date)
    )


def summary_of(edition: Edition) -> Summary:
    """What was noted of the choice; raises ``ValueError`` where none was made."""
    if edition.summary is None:
        raise ValueError(f"edition {edition.edition_id} was chosen without a summary")
    return edition.summary
