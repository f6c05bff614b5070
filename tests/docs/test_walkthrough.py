"""What walks through pages does what a reader does, and notices what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.walkthrough import Command, File, Reader, differences, steps

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
# A page

Write `one/two.txt`:

```text
some text
```

```sh
only read
```

```console
$ cd one
$ cat \\
  two.txt
some text
$ date
00:00:00
```
"""


def test_files_and_commands_are_found_in_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(steps(page)) == [
        File("one/two.txt", "some text\n"),
        Command("cd one", ""),
        Command("cat \\\n  two.txt", "some text\n"),
        Command("date", "00:00:00\n"),
    ]


def test_a_reader_writes_files_and_runs_commands_where_they_are(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.write(File("one/two.txt", "some text\n"))
    assert reader.shown(Command("cd one", "")) == ""
    assert reader.shown(Command("cat two.txt; cat three.txt >&2", "")).startswith("some text\n")


def test_lines_that_are_missing_and_lines_too_many_are_differences() -> None:
    command = Command("true", "12:30:00 one\nsome thing\n")
    assert differences(command, "some thing\n23:59:59 one\n") == []
    assert differences(command, "12:30:00 two\nsome thing\n") == [
        "$ true",
        "- 00:00:00 one",
        "+ 00:00:00 two",
    ]


def test_dots_stand_for_anything_in_a_line_and_for_any_lines() -> None:
    assert differences(Command("true", "some ... here\n"), "some thing here\n") == []
    assert differences(Command("true", "one\n...\n"), "zero\none\ntwo\n") == []
    assert differences(Command("true", "one\n...\n"), "two\n") == ["$ true", "- one"]
