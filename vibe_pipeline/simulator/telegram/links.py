"""Which addresses Telegram accepts in buttons and links."""

from urllib.parse import SplitResult, urlsplit

_SCHEMES = ("http", "https", "tg", "ton", "tonsite")


class WrongLink(Exception):
    """Why an address is not accepted, in Telegram's words."""


def checked_link(url: str) -> str:
    """The address as Telegram keeps it.

    For http and https the host needs a dot or must be an IPv6 literal, so
    ``http://localhost:8000`` is refused while ``http://127.0.0.1:8000`` passes.
    """
    if not url:
        raise WrongLink("URL host is empty")
    scheme, separator, _ = url.partition("://")
    if not separator:
        scheme, url = "http", f"http://{url}"
    if scheme.lower() not in _SCHEMES:
        raise WrongLink("Unsupported URL protocol")
    if scheme.lower() in {"http", "https"}:
        return _checked_http(url)
    return url


def _checked_http(url: str) -> str:
    parts = _split(url)
    host = parts.hostname or ""
    if not host:
        raise WrongLink("URL host is empty")
    if any(character.isspace() for character in url):
        raise WrongLink("Wrong HTTP URL")
    if "." not in host.strip(".") and ":" not in host:
        raise WrongLink("Wrong HTTP URL")
    return parts._replace(scheme=parts.scheme.lower(), path=parts.path or "/").geturl()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise WrongLink("Wrong HTTP URL") from None
    return parts
