"""What every part of an installation is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.support.raw_http import served
from vibe_pipeline.commands.processes import Ports, environment
from vibe_pipeline.settings import Settings

NOBODY = "http://127.0.0.1:9"


async def well(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers everything."""
    if scope["type"] == "http":
        await Response()(scope, receive, send)


@pytest.mark.parametrize("named", [{}, {"no_proxy": "intranet"}, {"NO_PROXY": "intranet,10.0.0.1"}])
def test_our_parts_talk_past_a_proxy_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, str]
) -> None:
    settings = Settings(vibe_home=tmp_path)
    outer = {"HTTP_PROXY": NOBODY, "http_proxy": NOBODY, "https_proxy": NOBODY, **named}

    told = environment(outer, settings, Ports.of(settings))

    for name, value in told.items():
        monkeypatch.setenv(name, value)
    for places in (told["no_proxy"], told["NO_PROXY"]):
        assert places.endswith("127.0.0.1,localhost,::1")
        assert all(value in places for value in named.values())
    with served(well) as port, httpx.Client() as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        with pytest.raises(httpx.ConnectError):
            client.get("http://elsewhere.example/")
