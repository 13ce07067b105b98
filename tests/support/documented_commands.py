"""The commands that README and documents show, and where each is tried, or why it is not.

``python -m tests.support.documented_commands`` writes ``docs/reference/tried-commands.md`` anew;
``tests/common/test_documented_commands.py`` holds page, table and documents together.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "tried-commands.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_UNREAD = {
    ROOT / "CHANGELOG.md",
    ROOT / "docs" / "first-evening.md",
    PAGE,
    PAGE.with_name("commands.md"),
}
"""What shows no command to type, or nothing but them: news, a transcript, the tables themselves."""

_EVENING = "tests/journeys/test_first_evening.py"
_STORY = "test_an_operators_first_evening_goes_as_the_tutorial_tells_it"
_BACKUP = "tests/commands/test_backup.py"

TRIED: dict[str, tuple[str, str]] = {
    "cp .env.example .env": (_EVENING, _STORY),
    "make install": (
        "tests/common/test_documented_commands.py",
        "test_every_make_target_in_the_documents_would_be_run_by_make",
    ),
    "vibe --help": (
        "tests/common/test_installation.py",
        "test_help_needs_no_extra_and_says_what_every_command_does",
    ),
    "vibe backup": (_EVENING, _STORY),
    "vibe backup --with-key": (
        _BACKUP,
        "test_a_new_home_needs_the_key_in_the_archive_or_at_hand",
    ),
    "vibe demo": ("tests/journeys/test_demo.py", "test_ctrl_c_leaves_no_process_and_no_file"),
    "vibe demo --once": (
        "tests/journeys/test_demo.py",
        "test_a_newcomer_gets_a_list_that_keeps_every_promise",
    ),
    "vibe demo --world": (
        "tests/journeys/test_wrong_starts.py",
        "test_a_world_without_listening_is_refused_in_words",
    ),
    "vibe doctor": (_EVENING, _STORY),
    "vibe erase": (_EVENING, _STORY),
    "vibe eval": ("tests/evaluation/test_eval.py", "test_the_command_ends_with_one_line_of_json"),
    "vibe eval --days": (
        "tests/evaluation/test_days.py",
        "test_the_command_prints_every_way_of_fading_and_ends_with_a_record",
    ),
    "vibe export": (_EVENING, _STORY),
    "vibe import": (
        "tests/common/test_installation.py",
        "test_a_command_runs_with_the_extras_it_names",
    ),
    "vibe nights": (
        "tests/evaluation/test_nights.py",
        "test_the_command_prints_the_table_and_a_record",
    ),
    "vibe people": (_EVENING, _STORY),
    "vibe replay": (_EVENING, _STORY),
    "vibe restore": (_EVENING, _STORY),
    "vibe rotate-key": (_EVENING, _STORY),
    "vibe simulator": (_EVENING, _STORY),
    "vibe up": (_EVENING, _STORY),
    "make docs": (
        "tests/common/test_docs_site.py",
        "test_the_site_is_built_with_every_link_resolved_and_names_no_other_server_s_file",
    ),
    "vibe warehouse-server": (
        "tests/warehouse/test_shared.py",
        "test_two_machines_count_together_and_no_number_is_lost_or_doubled",
    ),
    "dagster asset list": (
        "tests/defs/test_dagster_tools.py",
        "test_dagsters_own_tools_work_in_the_checkout_without_a_first_vibe_up",
    ),
    "dg check defs": (
        "tests/defs/test_dagster_tools.py",
        "test_dagsters_own_tools_work_in_the_checkout_without_a_first_vibe_up",
    ),
    "dg list defs": (
        "tests/defs/test_dagster_tools.py",
        "test_dg_lists_every_asset_with_its_group",
    ),
    "python -c": (_EVENING, "test_a_key_made_as_the_page_tells_is_one"),
    "python -m tests.support.wrong_setups": (
        "tests/commands/test_doctor.py",
        "test_each_mistake_is_named_in_one_sentence_as_the_table_has_it",
    ),
    "python -m tests.support.reference": (
        "tests/common/test_reference.py",
        "test_the_page_of_settings_is_the_settings",
    ),
    "python -m vibe_pipeline.launcher.dagster_programs": (
        "tests/journeys/test_containers.py",
        "test_the_containers_commands_make_a_list_as_promised_and_stop_when_they_are_told_to",
    ),
}
"""Command, or its beginning: the test that runs it, or what it is made of."""

_RUNS_TESTS = "runs the tests, or tools on them: it would run itself"
_HOURS = "takes from twenty minutes to hours; the tests play a piece of it"
_NO_ENGINE = (
    "needs a Docker engine; `tests/journeys/test_containers.py` runs the same commands,"
    " health checks and stop signals without one"
)
_SYSTEM = "changes the machine, and needs systemd as process 1; the units are read by a test"

NOT_TRIED: dict[str, str] = {
    "make demo": "installs first; what it then starts is `vibe demo`, which is tried",
    "make test": _RUNS_TESTS,
    "make check": _RUNS_TESTS,
    "make format": _RUNS_TESTS,
    "python -m pytest": _RUNS_TESTS,
    "pre-commit install": "changes the checkout's git hooks",
    "make screenshots": "needs Chromium, and a quiet minute; the demo it looks at is tried",
    "make bench": _HOURS,
    "make matrices": _HOURS,
    "make soak": _HOURS,
    "python -m tests.matrices shared": _HOURS,
    "python -m tests.matrices.machines": _HOURS,
    "python -m tests.matrices.load": _HOURS,
    "dg dev": "stays until it is stopped; `dg check defs` loads the same",
    "docker compose": _NO_ENGINE,
    "useradd": _SYSTEM,
    "install": _SYSTEM,
    "systemctl daemon-reload": _SYSTEM,
    "systemctl enable": _SYSTEM,
    "journalctl -u vibe": _SYSTEM,
    "systemd-analyze verify": "run by the tests where the machine has it",
    "git clone": "needs the address the project is published at",
    "git diff": "shows what somebody has just changed",
    "git pull": "needs the address the project is published at",
    "openssl rand": "makes a random text; any other will do",
}
"""Command, or its beginning: why no test runs it."""

_PROGRAMS = {key.split()[0] for key in (*TRIED, *NOT_TRIED)}
_IN_SENTENCES = _PROGRAMS - {"install", "python"}


def commands_in(document: Path) -> Iterator[str]:
    """Every command a document shows, in blocks and in sentences, without its remark."""
    if document in _UNREAD:
        return
    text = document.read_text("utf-8")
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    blocks = [line for block in fenced for line in block.splitlines()]
    blocks += re.findall(r"^ {4,}(\S.*)$", plain, re.MULTILINE)
    for line in blocks:
        for part in re.split(r" && ", re.sub(r"\s+#\s.*$", "", line)):
            if command := _command(part, _PROGRAMS):
                yield command
    for words in re.findall(r"`([^`\n]+)`", plain):
        if " " in words and (command := _command(words, _IN_SENTENCES | {"python"})):
            yield command


def _command(line: str, programs: set[str]) -> str | None:
    line = line.strip().removeprefix(".venv/bin/")
    name, _, rest = line.partition(" ")
    return line if rest and name in programs else None


def entry_for(command: str) -> str | None:
    """The table's longest beginning of this command whose words all stand in it."""
    words = command.split()
    known = [key for key in (*TRIED, *NOT_TRIED) if _covers(key.split(), words)]
    return max(known, key=len, default=None)


def _covers(key: list[str], words: list[str]) -> bool:
    plain = [word for word in key if not word.startswith("--")]
    options = {word for word in key if word.startswith("--")}
    return words[: len(plain)] == plain and options <= set(words)


def arguments(command: str) -> list[str]:
    """What a command of ours is given, as the shell would hand it on."""
    return shlex.split(command)[1:]


def page() -> str:
    """The table as people read it."""
    lines = [
        "# Which command is tried where",
        "",
        "Every command that README and these documents show. Written by",
        "`python -m tests.support.documented_commands`; a test holds it to the documents.",
        "",
        "| Tried | By |",
        "|---|---|",
    ]
    for key, (module, test) in sorted(TRIED.items()):
        sentence = test.removeprefix("test_").replace("_", " ")
        lines.append(f"| `{key}` | `{module}`: {sentence} |")
    lines += ["", "| Not run by a test | Because it |", "|---|---|"]
    lines += [f"| `{key}` | {reason} |" for key, reason in sorted(NOT_TRIED.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
