"""How the demo tells what it sees: the conversation, the list, the addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.demo.installation import DemoInstallation

UNDER_WAY = "⏳"
"""How the bot marks the stage that a list is at."""


def conversation(console: Console, messages: Sequence[Mapping[str, Any]]) -> None:
    """What was said, by whom, as it stands in the chat at the end."""
    console.rule("The conversation")
    for message in messages:
        ours = message["from"] == "bot"
        who = Text("vibe bot", style="bold magenta") if ours else Text("newcomer", style="bold")
        console.print(who)
        console.print(Text(message["text"]), width=min(console.width, 88))
        for row in message["buttons"]:
            console.print(Text("  ".join(f"[ {button['text']} ]" for button in row), style="cyan"))
        console.print()


def pace_in_words(pace: float) -> str:
    """How fast the simulated services are asked, beside the real ones."""
    if pace == 1:
        return "at the services' real pace"
    return f"at {pace:g} times the services' real pace"


def list_table(console: Console, edition: Edition) -> None:
    """The list as a table."""
    table = Table(title=edition.title, header_style="bold", expand=False)
    table.add_column("#", justify="right")
    for name in ("Artist", "Title", "", "Source", "Reason"):
        table.add_column(name, overflow="fold")
    for track in edition.tracks:
        table.add_row(
            str(track.position),
            Text(track.artist),
            Text(track.title),
            "new" if track.is_new else "familiar",
            track.source.replace("_", " "),
            Text(track.reason),
        )
    console.print(table)


def figures(console: Console, record: Mapping[str, Any]) -> None:
    """How long it took and what it cost."""
    seconds = ", ".join(f"{stage} {value:.1f}" for stage, value in record["seconds"].items())
    calls = ", ".join(f"{endpoint} {count}" for endpoint, count in record["spotify_calls"].items())
    console.print(f"Seconds: {seconds}")
    console.print(f"Spotify calls: {calls}")


def news_in(text: str) -> str:
    """What a message of the bot's says anew: the stage a list is at, else its first line."""
    lines = text.split("\n")
    under_way = [line for line in lines if line.startswith(UNDER_WAY)]
    return under_way[-1] if under_way else lines[0]


def addresses(console: Console, stage: DemoInstallation) -> None:
    """Where to look and to play on."""
    console.rule("Yours to try")
    console.print(f"Chat with the bot:  {stage.chat_page}")
    console.print(f"Dagster UI:         {stage.dagster_page}")
    console.print("Ctrl-C stops everything and leaves nothing behind.")
