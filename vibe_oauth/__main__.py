"""Serves the OAuth service: ``python -m vibe_oauth [--host H] [--port N]``.

Settings are read here, and nowhere else in this package.
"""

from __future__ import annotations

import socket
import sys
from urllib.parse import urlsplit

import click
import structlog
import uvicorn

from vibe_oauth.app import create_app
from vibe_oauth.services import OAuthServices, open_services
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.store import set_up
from vibe_pipeline.installation.bounded_requests import ImpatientProtocol
from vibe_pipeline.installation.home import make_private
from vibe_pipeline.logs import configure_logging
from vibe_pipeline.settings import SettingsInvalid, read_settings

WRONG_INPUT = 2
USUAL_PORT = 8000
_LOOPBACK = ("127.0.0.1", "::1")

log = structlog.get_logger()


class PortTaken(Exception):
    """We cannot listen there; the text says what to do."""


@click.command()
@click.option("--host", envvar="VIBE_OAUTH_HOST", help="Where to listen; from PUBLIC_URL.")
@click.option(
    "--port",
    envvar="VIBE_OAUTH_PORT",
    type=click.IntRange(1, 65535),
    help="Where to listen; from PUBLIC_URL.",
)
def main(host: str | None, port: int | None) -> None:
    """Serve Spotify's consent and the nightly trigger until interrupted."""
    try:
        settings = read_settings()
        configure_logging(settings.log_format, secrets=settings.secrets)
        usual_host, usual_port = usual_place(settings.public_url)
        with _listening(host or usual_host, port or usual_port) as listener:
            set_up(settings)
            make_private(settings.home)
            _serve(open_services(settings), listener)
    except (SettingsInvalid, AccountsUnreadable, PortTaken) as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_INPUT)


def usual_place(public_url: str) -> tuple[str, int]:
    """Where to listen: at a loopback ``PUBLIC_URL`` itself, else where a proxy would look."""
    public = urlsplit(public_url)
    if public.hostname in _LOOPBACK:
        return str(public.hostname), public.port or 80
    return _LOOPBACK[0], USUAL_PORT


def _serve(services: OAuthServices, listener: socket.socket) -> None:
    config = uvicorn.Config(
        create_app(services),
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        http=ImpatientProtocol,
        timeout_graceful_shutdown=5,
    )
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port)
    with services.store.database.held_open():
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"We cannot listen on {host} port {port} ({error.strerror}); end what listens there, or"
            " choose another with --port or VIBE_OAUTH_PORT."
        ) from None
    return listener


if __name__ == "__main__":
    main()
