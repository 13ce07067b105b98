"""Every command and every button, by the word that calls it: the routing table of the chat.

A handler reads, decides, answers; one module per subject. What several of them need stands beside
this folder: arguments, formatting, sending.
"""

from __future__ import annotations

from collections.abc import Mapping

from vibe_bot.handlers import (
    artists,
    connection,
    history_from,
    lists,
    notify,
    playlist_name,
    settings,
    sources,
    status,
    steering,
    welcome,
    whynot,
)
from vibe_bot.handlers import exclusions as leaving_out
from vibe_bot.handlers import feedback as taste
from vibe_bot.handlers import generate as making
from vibe_bot.handlers import paste_callback as pasting
from vibe_bot.handlers import undo as back
from vibe_bot.interactions import Handler

COMMANDS: Mapping[str, Handler] = {
    "start": welcome.start,
    "help": welcome.help_,
    "connect": connection.connect,
    "status": status.status,
    "generate": making.generate,
    "preview": making.preview,
    "latest": making.latest,
    "sync": making.sync,
    "setsize": settings.setsize,
    "setratio": settings.setratio,
    "adventure": settings.adventure,
    "mode": settings.mode,
    "title": playlist_name.title,
    "cover": playlist_name.cover,
    "explicit": settings.explicit,
    "nightly": settings.nightly,
    "timezone": settings.timezone,
    "lang": settings.lang,
    "why": lists.why,
    "whynot": whynot.whynot,
    "history": lists.history,
    "day": lists.one_day,
    "undo": back.undo,
    "artists": artists.artists,
    "more": steering.more,
    "less": steering.less,
    "mood": steering.mood,
    "block": taste.block,
    "unblock": taste.unblock,
    "blocked": taste.blocked,
    "leaveout": leaving_out.leaveout,
    "sources": sources.sources,
    "notify": notify.notify,
    "history_from": history_from.history_from,
    "export": making.export,
    "disconnect": connection.disconnect,
    "forget": connection.forget,
}

BUTTONS: Mapping[str, Handler] = {
    "sure": connection.sure,
    "cn": pasting.confirmed,
    "no": connection.not_sure,
    "pb": making.publish,
    "rs": back.restore,
    "tr": lists.tracks,
    "tp": lists.turn_tracks,
    "ys": lists.reasons,
    "yp": lists.turn_reasons,
    "wy": lists.why_one,
    "th": taste.thumb,
    "bl": taste.block_chosen,
    "lo": leaving_out.count_again,
    "la": leaving_out.leave_artist_out,
    "st": steering.only_today,
    "sn": steering.from_now_on,
    "sg": steering.let_go,
    "ss": status.let_go,
    "so": sources.switch,
    "ac": artists.choose,
    "an": artists.none_of_these,
    "ag": artists.let_go,
    "zk": settings.keep_timezone,
    "tk": playlist_name.keep_title,
    "tu": playlist_name.usual_title,
    "tf": playlist_name.free_title,
}
"""By the first word of a button's data; ``go:COMMAND:ARGUMENT`` calls a command."""
