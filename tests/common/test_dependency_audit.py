"""The audit of pinned packages: what it asks, and what it makes of the answers."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support.dependency_audit import (
    LOCKS,
    ROOT,
    SourceUnreachable,
    advisories,
    main,
    pinned,
)

PINNED = {"starlette": "0.1", "httpx": "0.28.1"}


def answering(status: int, body: object) -> httpx.Client:
    """A source that always says this."""
    return httpx.Client(
        transport=httpx.MockTransport(lambda request: httpx.Response(status, json=body))
    )


def test_a_lock_is_read_whole() -> None:
    locked = pinned((ROOT / LOCKS[1]).read_text("utf-8"))

    assert len(locked) > 100
    assert {"dagster", "httpx", "python-telegram-bot"} <= set(locked)


def test_an_advisory_is_named_with_its_package() -> None:
    asked: list[dict[str, object]] = []

    def source(request: httpx.Request) -> httpx.Response:
        asked.extend(json.loads(request.content)["queries"])
        return httpx.Response(200, json={"results": [{}, {"vulns": [{"id": "PYSEC-1"}]}]})

    found = advisories(PINNED, httpx.Client(transport=httpx.MockTransport(source)), "http://osv")

    assert found == {"starlette": ["PYSEC-1"]}
    assert asked[0] == {"package": {"ecosystem": "PyPI", "name": "httpx"}, "version": "0.28.1"}


@pytest.mark.parametrize(
    ("status", "body"), [(503, {}), (200, []), (200, {"results": [{}]}), (403, "no")]
)
def test_a_source_that_does_not_answer_is_no_clean_bill(status: int, body: object) -> None:
    with pytest.raises(SourceUnreachable):
        advisories(PINNED, answering(status, body), "http://osv")


def test_without_a_source_the_check_says_so_and_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main("http://127.0.0.1:9/v1/querybatch")

    assert code == 0
    assert "were not audited" in capsys.readouterr().out
