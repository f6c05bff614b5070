"""What walks through pages does what a reader does, and notices what differs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from support.walkthrough import Command, File, Follower, Reader, differences, steps

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
# A page

## To do

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

## More

Write more at the end of `one/two.txt`:

```text
more text
```
"""


def test_files_and_commands_are_found_in_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(steps(page, before="More")) == [
        File("one/two.txt", "some text\n"),
        Command("cd one", ""),
        Command("cat \\\n  two.txt", "some text\n"),
        Command("date", "00:00:00\n"),
    ]


def test_more_of_a_file_is_written_at_its_end(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(steps(page, after="More")) == [File("one/two.txt", "more text\n", is_end=True)]
    reader = Reader(tmp_path)
    for step in steps(page):
        if isinstance(step, File):
            reader.write(step)
    assert (tmp_path / "one" / "two.txt").read_text() == "some text\nmore text\n"


def test_a_command_is_ended_when_it_has_shown_all(tmp_path: Path) -> None:
    command = Command("echo one; echo two; sleep 600", "...\ntwo\n^C\n")
    assert Reader(tmp_path).shown(command) == "one\ntwo\n^C\n"


def test_a_command_that_ends_by_itself_is_not_ended(tmp_path: Path) -> None:
    command = Command("echo one", "two\n^C\n")
    shown = Reader(tmp_path).shown(command)
    assert differences(command, shown) == ["$ echo one", "- two", "- ^C", "+ one"]


def test_a_command_that_never_shows_it_is_killed(tmp_path: Path) -> None:
    assert Reader(tmp_path, patience=0.5).shown(Command("sleep 600", "two\n^C\n")) == ""


def test_a_follower_uses_the_names_of_the_place_and_looks_again(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    follower = Follower(reader, {"here.example": "localhost"}, re.compile("cat"))
    found = [
        File("seen", "here.example\n"),
        Command("cat seen; rm seen; touch seen", "here.example\n"),
        Command("cat seen; echo here.example >> seen", "here.example\n"),
        Command("echo one", "two\n"),
    ]
    assert follower.follow(found) == (3, ["$ echo one", "- two", "+ one"])


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
