"""The services that tell what people play: their names, and what their refusals mean to people.

Light enough for the chat; reading is ``scrobble_reading``'s.
"""

from __future__ import annotations

from vibe_pipeline.accounts.records import HistoryService, HistoryTrouble
from vibe_pipeline.clients.errors import KeyRefused, ListeningHidden, NotThere, ServiceError


def trouble_of(error: ServiceError) -> HistoryTrouble:
    """What people are told of a service's refusal."""
    if isinstance(error, NotThere):
        return HistoryTrouble.UNKNOWN
    if isinstance(error, ListeningHidden):
        return HistoryTrouble.HIDDEN
    return HistoryTrouble.NOT_SET_UP if isinstance(error, KeyRefused) else HistoryTrouble.AWAY


def service_name(service: HistoryService) -> str:
    """The service as it calls itself, in every language."""
    return {HistoryService.LASTFM: "Last.fm", HistoryService.LISTENBRAINZ: "ListenBrainz"}[service]
