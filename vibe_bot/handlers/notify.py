"""/notify: what I tell unasked, at an address of the person's own too.

The address may hold a secret, so that only its host is ever shown.
"""

from __future__ import annotations

from functools import partial

from vibe_bot import arguments
from vibe_bot.interactions import Interaction
from vibe_bot.notices import TITLE
from vibe_pipeline.clients.notices import NoticeNotTaken, NoticeRefused, NoticeTarget


async def notify(interaction: Interaction) -> None:
    """/notify: an address, ``off``, or how it stands."""
    targets, user_id = interaction.services.store.notice_targets, interaction.account.user_id
    if arguments.says_off(interaction.args):
        await interaction.in_store(partial(targets.remove, user_id))
        await interaction.show(interaction.html("bot.notify.off"))
        return
    if not interaction.args.strip():
        await _ask(interaction, None)
        return
    target = NoticeTarget.read(interaction.args)
    if target is None:
        await _ask(interaction, "wrong")
        return
    try:
        first = interaction.text("bot.notify.first")
        await interaction.services.notifier.send(target, TITLE, first)
    except NoticeRefused:
        await _ask(interaction, "refused")
    except NoticeNotTaken:
        await _ask(interaction, "not_taken")
    else:
        address = interaction.args.strip()
        await interaction.in_store(partial(targets.set, user_id, address))
        await interaction.answer(interaction.html("bot.notify.set", where=_where(target)))


def told_at(interaction: Interaction) -> str | None:
    """Where the person is told besides the chat, without its secret."""
    address = interaction.services.store.notice_targets.get(interaction.account.user_id)
    target = None if address is None else NoticeTarget.read(address)
    return None if target is None else _where(target)


async def _ask(interaction: Interaction, trouble: str | None) -> None:
    interaction.ask("notify")
    where = told_at(interaction)
    key = trouble or ("is" if where else "ask")
    await interaction.answer(
        interaction.html(f"bot.notify.{key}", where=where),
        [interaction.button("off", "go:notify:off") if where else None],
    )


def _where(target: NoticeTarget) -> str:
    return f"{target.kind}, {target.host}"
