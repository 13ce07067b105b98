"""The operator's command to change the key that seals tokens: ``vibe rotate-key``.

Arguments and words; the work is ``accounts.key_rotation``'s.
"""

from __future__ import annotations

import click

from vibe_pipeline.accounts.cipher import Cipher, key_file
from vibe_pipeline.accounts.database import connect
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.key_rotation import Resealed, reseal, rotate_kept_key
from vibe_pipeline.accounts.schema import upgrade_existing
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.installation.home import stop_while_restoring
from vibe_pipeline.settings import Settings, read_settings


@click.command(name="rotate-key")
def rotate_key() -> None:
    """Seal everything with a new key and forget the former one; Vibe may go on running.

    A key that VIBE_SECRET_KEY names is the operator's to change: put the new one before it, with a
    comma between, restart, run this, and take the former one out.
    """
    settings = read_settings()
    stop_while_restoring(settings.home)
    try:
        upgrade_existing(settings.accounts_address)
        done = _rotated(settings)
    except AccountsUnreadable as error:
        raise CommandFailed(str(error)) from error
    except OSError as error:
        raise CommandFailed(
            f"{key_file(settings.home)} cannot be written ({error.strerror}); run this again."
        ) from error
    click.echo(f"{done.renewed} sealed things were sealed with the new key.")
    if done.lost:
        click.echo(f"{done.lost} were sealed with a key that is lost; they stay as they are.")


def _rotated(settings: Settings) -> Resealed:
    database = connect(settings.accounts_address)
    if settings.vibe_secret_key is None:
        done = rotate_kept_key(database, settings.home)
        click.echo(f"{key_file(settings.home)} holds a new key; the former one is forgotten.")
        click.echo("Backups made before need the former key: make a new one now.")
        return done
    keys = settings.vibe_secret_key.get_secret_value()
    newest, _, former = keys.partition(",")
    if not former.strip():
        raise ConfigurationError(
            "VIBE_SECRET_KEY names the key, so the new one has to stand there: put it before the"
            " present one, with a comma between, restart Vibe, and run this again."
        )
    done = reseal(database, Cipher(keys), Cipher(newest))
    click.echo("Nothing needs the former key of VIBE_SECRET_KEY any more; take it out and restart.")
    return done
