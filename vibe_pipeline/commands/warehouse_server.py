"""``vibe warehouse-server``: keeps the warehouse for run workers on other machines.

Arguments and words only; what serving means is ``warehouse.server``'s.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click

from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.installation.home import make_private
from vibe_pipeline.logs import configure_logging
from vibe_pipeline.settings import FILE, Settings, read_settings, warehouse_form
from vibe_pipeline.warehouse import WarehouseError
from vibe_pipeline.warehouse.server import serving
from vibe_pipeline.warehouse.writer_lock import LEASE_SECONDS

USUAL_PORT = 9494
_SHORTEST_TOKEN = 16


@click.command("warehouse-server")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=USUAL_PORT, show_default=True, help="The port."
)
@click.option(
    "--lease",
    type=click.FloatRange(1, 600),
    default=LEASE_SECONDS,
    show_default=True,
    help="Seconds of silence in a transaction after which a client counts as gone.",
)
def warehouse_server(host: str, port: int, lease: float) -> None:
    """Serve the warehouse of DB_PATH to other machines, until interrupted.

    They say DB_PATH=quack:HOST:PORT and the same WAREHOUSE_TOKEN. One transaction is under way at
    a time, whoever asks. The connection is not encrypted: let it leave a private network only
    behind a proxy that adds TLS.
    """
    settings = read_settings()
    configure_logging(settings.log_format, secrets=settings.secrets)
    token = _token(settings)
    if warehouse_form(settings.warehouse_path) != FILE:
        raise ConfigurationError(
            "The server keeps a file: DB_PATH must name one here, not another server."
        )
    make_private(settings.home)
    ended = _told_to_end()
    try:
        listen = f"quack:{host}:{port}"
        with serving(settings.warehouse_path, listen=listen, token=token, lease=lease) as server:
            click.echo(f"serving {settings.warehouse_path} at {listen}")
            server.watch(ended)
    except WarehouseError as error:
        raise CommandFailed(str(error)) from error


def _token(settings: Settings) -> str:
    token = settings.warehouse_token
    if token is None or len(token.get_secret_value()) < _SHORTEST_TOKEN:
        raise ConfigurationError(
            f"WAREHOUSE_TOKEN must hold at least {_SHORTEST_TOKEN} characters, the same here and"
            " for everybody who uses this warehouse: whoever has it may read and change all of it."
        )
    return token.get_secret_value()


def _told_to_end() -> threading.Event:
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return ended
