"""The page on which a listener agrees: readable on a phone, and without any script."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts
from vibe_pipeline.simulator.worlds.catalogue import Listener

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_PASSED_ON = (
    "client_id",
    "response_type",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
)
_MEANING = {
    "playlist-modify-private": "Change your private playlists",
    "playlist-modify-public": "Create and change your playlists",
    "playlist-read-collaborative": "See playlists you share",
    "playlist-read-private": "See your private playlists",
    "ugc-image-upload": "Give your playlists a cover",
    "user-follow-modify": "Follow and unfollow for you",
    "user-follow-read": "See whom you follow",
    "user-library-modify": "Add and remove tracks you like",
    "user-library-read": "See the tracks you like",
    "user-read-private": "See your country and kind of subscription",
    "user-read-recently-played": "See what you played recently",
    "user-top-read": "See your top artists and tracks",
}
_MOST_LISTENERS = 6

_STYLE = """
:root{color-scheme:dark;--green:#1ed760;--ground:#121212;--card:#1c1c1c;--text:#fff;--soft:#b3b3b3}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:26rem;margin:0 auto;padding:1.5rem 1rem 3rem}
.mark{display:flex;gap:.6rem;align-items:center;color:var(--soft);font-size:.9rem}
.mark i{width:1.6rem;height:1.6rem;border-radius:50%;background:var(--green)}
h1{font-size:1.5rem;line-height:1.25;margin:1.2rem 0 .4rem}
h2{font-size:1rem;margin:0 0 .4rem}
p{margin:.4rem 0;color:var(--soft)}
section,fieldset{background:var(--card);border:0;border-radius:.8rem;margin:1rem 0;padding:1rem}
ul{margin:0;padding-left:1.2rem}
legend{float:left;width:100%;font-weight:600;margin-bottom:.4rem;padding:0}
label{clear:both;display:flex;gap:.8rem;align-items:center;min-height:2.9rem;
padding:.3rem .5rem;border-radius:.5rem}
label:has(input:checked){background:#2a2a2a}
input[type=radio]{width:1.25rem;height:1.25rem;accent-color:var(--green);flex:none}
small{color:var(--soft);display:block;line-height:1.25}
button{display:block;width:100%;min-height:3rem;margin:.7rem 0 0;border-radius:2rem;
border:1px solid #727272;background:transparent;color:var(--text);font:inherit;font-weight:700;
cursor:pointer}
button.agree{background:var(--green);border-color:var(--green);color:#000}
:focus-visible{outline:3px solid #fff;outline-offset:2px}
"""


def consent_page(simulation: Simulation, asked: QueryParams) -> str:
    """The form: who am I, what is asked for, agree or cancel."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(asked[name])}">'
        for name in _PASSED_ON
        if name in asked
    )
    scopes = "".join(f"<li>{escape(text)}</li>" for text in _wishes(asked.get("scope", "")))
    host = escape(urlsplit(asked["redirect_uri"]).netloc)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Connect to Spotify (simulated)</title><style>{_STYLE}</style></head>
<body><main>
<div class="mark"><i></i><span>Simulated Spotify, nobody's real account</span></div>
<h1>Let the daily vibe use your Spotify account?</h1>
<p>You will be sent back to {host}.</p>
<section><h2>It will be able to</h2><ul>{scopes}</ul></section>
<form method="post" action="authorize/decision">{hidden}
<fieldset><legend>Who are you?</legend>{_choices(simulation)}</fieldset>
<button class="agree" name="decision" value="agree">Agree</button>
<button name="decision" value="cancel" formnovalidate>Cancel</button>
</form></main></body></html>
"""


def _wishes(scope: str) -> Iterable[str]:
    yield "See your name and picture"
    for wish in sorted(set(scope.split())):
        yield _MEANING.get(wish, wish)


def _choices(simulation: Simulation) -> str:
    """People from the chat who have not agreed yet come first; a few other listeners follow."""
    bound = {person.listener: person for person in simulation.people.all()}
    agreed = {grant.listener_id for grant in simulation.part(SpotifyAccounts).grants.values()}
    listeners = sorted(
        simulation.world.listeners,
        key=lambda listener: (listener.id not in bound, listener.id in agreed),
    )
    return "".join(
        _choice(
            listener, bound[listener.id].name if listener.id in bound else None, first=not place
        )
        for place, listener in enumerate(listeners[: max(_MOST_LISTENERS, len(bound))])
    )


def _choice(listener: Listener, person: str | None, *, first: bool) -> str:
    value, checked = escape(listener.id), " checked" if first else ""
    name = escape(person or listener.name)
    about = "in the chat" if person else f"listener from {escape(listener.country)}"
    return (
        f'<label><input type="radio" name="listener" value="{value}" required{checked}>'
        f"<span>{name}<small>{about}</small></span></label>"
    )
