"""What a cell of a matrix comes to, and the page of ``docs/`` that keeps it (generated)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

DOCS = Path(__file__).parents[2] / "docs"
HOLDS = "holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One cell: what was seen of it, and what should have been otherwise."""

    name: str
    seen: Mapping[str, str]
    troubles: Sequence[str] = ()

    @property
    def verdict(self) -> str:
        """The last column."""
        return HOLDS if not self.troubles else "not: " + ", ".join(self.troubles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A table in `docs/`, kept by the matrix that fills it.

    ``counted`` says what a row is, such as "crashes"; ``names`` are all rows in their order.
    """

    path: Path
    title: str
    introduction: str
    counted: str
    columns: Sequence[str]
    names: Sequence[str]

    def rows(self) -> dict[str, list[str]]:
        """The rows that stand there, by name."""
        if not self.path.exists():
            return {}
        rows = (_cells(line) for line in self.path.read_text().splitlines() if line[:2] == "| ")
        return {cells[0]: cells[1:] for cells in rows if cells[0] in self.names}

    def update(self, outcomes: Iterable[Outcome]) -> None:
        """Put these in the place of what was known of the same cells; others stay."""
        with FileLock(Path(tempfile.gettempdir()) / f"vibe-{self.path.name}.lock"):
            rows = self.rows()
            for one in outcomes:
                seen = [one.seen.get(column, "") for column in self.columns]
                rows[one.name] = [_clean(cell) for cell in (*seen, one.verdict)]
            self.path.write_text(self._written({n: rows[n] for n in self.names if n in rows}))

    def _written(self, rows: Mapping[str, Sequence[str]]) -> str:
        bad = sum(cells[-1] != HOLDS for cells in rows.values())
        head = ["What", *self.columns, "Verdict"]
        lines = [
            f"# {self.title}",
            "",
            f"**{len(rows)} {self.counted}, {len(rows) - bad} as wanted, {bad} not.**",
            "",
            self.introduction,
            "",
            "| " + " | ".join(head) + " |",
            "|" + "---|" * len(head),
            *("| " + " | ".join((name, *cells)) + " |" for name, cells in rows.items()),
        ]
        return "\n".join(lines) + "\n"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _clean(cell: str) -> str:
    return re.sub(r"\s+", " ", cell.replace("|", "/")).strip()
