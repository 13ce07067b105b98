"""The documents as a site: it builds, no link leads nowhere, and nothing is fetched for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tests.support.docs_site import with_links_of_the_site

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(r"""<(?:link|script|img|iframe)[^>]+(?:href|src)=["']?(https?:)?//[^\s"'>]+""")


def test_the_site_is_built_with_every_link_resolved_and_names_no_other_server_s_file(
    tmp_path: Path,
) -> None:
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path))

    build(config)  # strict: a link that leads nowhere raises

    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 40
    fetched = {page.name for page in pages if FETCHED.search(page.read_text("utf-8"))}
    assert fetched == set()


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("threat-model.md", "../SECURITY.md", "security.md"),
        ("operating/upgrade.md", "../../CHANGELOG.md", "../changelog.md"),
        ("contributing.md", "docs/adding-a-source.md", "adding-a-source.md"),
        ("about.md", "docs/monitoring/README.md", "monitoring/README.md"),
        ("operating/README.md", "../monitoring/README.md#a", "../monitoring/README.md#a"),
        ("index.md", "https://example.org/docs/a.md", "https://example.org/docs/a.md"),
    ],
)
def test_links_between_the_two_folders_lead_to_the_same_pages(
    page: str, link: str, led: str
) -> None:
    assert with_links_of_the_site(f"[so]({link})", page) == f"[so]({led})"
