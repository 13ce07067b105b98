"""``vibe import``: Spotify's archive of what somebody streamed, read into their history.

Arguments and words; the work is ``taste.import_history``'s.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from vibe_pipeline.commands.people import nobody, person_called
from vibe_pipeline.commands.personal_data import open_stores
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.taste.import_history import ImportedHistory, import_history
from vibe_pipeline.taste.streaming_archive import ArchiveRefused
from vibe_pipeline.warehouse.listening_history import ImportedFile


@click.command("import")
@click.argument("user")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one record and nothing else.")
def import_command(user: str, file: Path, *, as_json: bool) -> None:
    """Read FILE into the history of USER (an id or a name).

    FILE is the zip that Spotify sends to whoever asks for their streaming history, or one of the
    JSON files in it; up to 200 MB. What was read before is not read twice.
    """
    if not file.is_file():
        raise ConfigurationError(f"{file} is no file; name the zip or a JSON file out of it.")

    def progress(done: ImportedFile) -> None:
        if not as_json:
            click.echo(f"{done.file_name}: {done.plays} plays, {done.added} of them new")

    with open_stores() as (store, warehouse):
        user_id = person_called(store, user)
        if store.people.get(user_id) is None:
            raise nobody(user)
        try:
            now = datetime.now(UTC)
            imported = import_history(file, warehouse, user_id, now=now, progress=progress)
        except ArchiveRefused as refused:
            raise CommandFailed(str(refused)) from refused
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    _tell(imported, as_json=as_json)


def _tell(imported: ImportedHistory, *, as_json: bool) -> None:
    years = imported.years
    if as_json:
        figures = {
            "files": len(imported.files),
            "plays": imported.plays,
            "added": imported.added,
            "recordings": imported.recordings,
            "years": years,
        }
        click.echo(json.dumps(figures))
        return
    span = "" if years is None else f", {years[0]} to {years[1]}"
    click.echo(
        f"{imported.plays} plays in {len(imported.files)} files{span}; {imported.added} were new."
        f" {imported.recordings} recordings are known by now."
    )
