"""What turns the documents into a site (a hook of mkdocs): pages of the top folder, links to them.

The pages are the same files that people read beside the code, so links that lead out of ``docs``
are made to lead to those pages of the site. Not here: the site's order and looks (``mkdocs.yml``).
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
TOP_PAGES = {
    "README.md": "about.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages beside ``docs``, by what they are called in the site."""
_LINK = re.compile(r"(?<=\]\()([^)\s:#]+)(?=[#)])")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """The pages of the top folder join the others."""
    for source, name in TOP_PAGES.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between the two folders, as the site has them."""
    return with_links_of_the_site(markdown, page.file.src_uri)


def with_links_of_the_site(markdown: str, name: str) -> str:
    """The text of the page of this name, its links to files translated."""
    sources = {site_name: source for source, site_name in TOP_PAGES.items()}
    source = sources.get(name, f"docs/{name}")

    def translated(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        target = TOP_PAGES.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(target, posixpath.dirname(name) or ".")

    return _LINK.sub(translated, markdown)
