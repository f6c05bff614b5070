"""Files into topics and topics into files: formats, schemas, errors with their lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.sandbox import PROJECTS, Sandbox, sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from support.golden import Golden

FOLDER = PROJECTS / "orders"
IDLE = ("--until", "idle", "--timeout", "30s")
A, B = {"id": "a", "amount": 1}, {"id": "b", "amount": 2}
CHECK = ("--only", "checker", *IDLE)


def a_file(folder: Path, text: str | bytes) -> Path:
    file = folder / "records.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(A)}\n{json.dumps(B)}\n",
        f"{json.dumps(A)}\r\n\r\n{json.dumps(B)}",
        json.dumps([A, B]),
        json.dumps([A, B], indent=2),
        f"\ufeff{json.dumps(A)}\n{json.dumps(B)}",
    ],
)
def test_records_come_as_lines_or_as_an_array(text: str, tmp_path: Path) -> None:
    outcome = sandbox(*CHECK, "--feed", f"orders={a_file(tmp_path, text)}", "--tap", "checked")
    assert outcome.status == 0
    assert outcome.documents == [A, B]


def test_one_record_may_have_many_lines(tmp_path: Path) -> None:
    file = a_file(tmp_path, json.dumps(A, indent=2))
    assert sandbox(*CHECK, "--feed", f"orders={file}", "--tap", "checked").documents == [A]


def test_an_empty_file_feeds_nothing(tmp_path: Path) -> None:
    outcome = sandbox(*CHECK, "--feed", f"orders={a_file(tmp_path, '')}", "--tap", "checked")
    assert (outcome.status, outcome.stdout) == (0, "")


def test_records_from_stdin_are_processed_as_they_come() -> None:
    running = Sandbox(*CHECK, "--feed", "orders=-", "--tap", "checked", folder=FOLDER)
    running.write(json.dumps(A) + "\n")
    assert json.loads(running.shown()) == A
    outcome = running.end(json.dumps(B) + "\n")
    assert outcome.status == 0
    assert outcome.documents == [B]


def test_all_problems_of_a_file_are_said_before_anything_is_written(
    tmp_path: Path, golden: Golden
) -> None:
    lines = [
        json.dumps(A),
        '{"id": "b"}',
        '{"id": 3, "amount": "many"}',
        "[1]",
        "null",
        '{"id": "c", "amo',
        '{"id": "c", "amount" 1}',
        json.dumps(B),
    ]
    file = a_file(tmp_path, "\n".join(lines).encode() + b'\n{"id": "\xff"}\n')
    outcome = sandbox(*CHECK, "--feed", f"orders={file}", "--tap", "orders")
    assert outcome.status == 3
    assert outcome.stdout == ""
    golden.check("feed-problems.txt", outcome.stderr.replace(str(file), "records.json"))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[{"id": "a", "amount": 1},\n {"id": "b"}]', 2, "amount: Field required"),
        ('[{"id": "a", "amount": 1}\n {"id": "b"}]', 2, "a comma is missing"),
        ('[{"id": "a", "amount": 1},\n', 2, "the array is not closed"),
        ('[{"id": "a", "amount": 1}', 1, "the array is not closed"),
        ("[\n\n{]", 3, "this is not JSON"),
        ('{"id": "a",\n "amount": 1', 1, "the line ends too early"),
    ],
)
def test_problems_have_their_line(text: str, line: int, said: str, tmp_path: Path) -> None:
    file = a_file(tmp_path, text)
    outcome = sandbox(*CHECK, "--feed", f"orders={file}")
    assert outcome.status == 3
    assert f"{file}:{line}: " in outcome.stderr
    assert said in outcome.stderr


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    missing = sandbox(*CHECK, "--feed", f"orders={tmp_path / 'none.json'}")
    folder = sandbox(*CHECK, "--feed", f"orders={tmp_path}")
    assert (missing.status, folder.status) == (3, 3)
    assert "there is no file none.json." in missing.stderr
    assert "this is a folder, not a file." in folder.stderr


def test_a_wrong_record_on_stdin_ends_the_run_after_those_before_it() -> None:
    stdin = f'{json.dumps(A)}\n{{"id": "b"}}\n'
    outcome = sandbox(*CHECK, "--feed", "orders=-", "--tap", "checked", stdin=stdin)
    assert outcome.status == 1
    assert outcome.documents == [A]
    assert "stdin:2: amount: Field required." in outcome.stderr
    assert "Stopped: a feed failed." in outcome.stderr


def test_keys_are_those_that_producers_would_make(tmp_path: Path) -> None:
    file = a_file(tmp_path, json.dumps([A]))
    outcome = sandbox(*CHECK, "--feed", f"orders={file}", "--tap", "orders", "--tap-envelope")
    (document,) = outcome.documents
    assert document["key"] == "a"


def test_what_is_tapped_with_its_envelope_can_be_fed_again(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"key": "k", "headers": {"h": "1"}, "timestamp": "2020-01-02T03:04:05Z", "value": A},
        {"key": {"raw": "/w=="}, "headers": [["h", "1"], ["h", {"raw": "/w=="}]], "value": B},
        {"key": "gone", "value": None},
        {"raw": "/////w==", "timestamp": 1577934245000},
    ]
    file = a_file(tmp_path, "\n".join(map(json.dumps, lines)))
    tapped = tmp_path / "tapped.json"
    words = (*CHECK, "--tap-envelope")
    first = sandbox(*words, "--feed", f"orders=@{file}", "--tap", f"orders={tapped}")
    second = sandbox(*words, "--feed", f"orders=@{tapped}", "--tap", "orders")
    shown = [json.loads(line) for line in tapped.read_text().splitlines()]
    assert (first.status, second.status) == (0, 0)
    assert second.documents == shown
    assert [document.get("key") for document in shown] == ["k", {"raw": "/w=="}, "gone", None]
    assert shown[0]["timestamp"] == shown[3]["timestamp"] == "2020-01-02T03:04:05.000Z"
    assert shown[0]["headers"] == {"h": "1"}
    assert shown[1]["headers"] == [["h", "1"], ["h", {"raw": "/w=="}]]
    assert [document.get("value", "absent") for document in shown] == [A, B, None, "absent"]
    assert shown[3]["raw"] == "/////w=="
    assert "Avro" in shown[3]["error"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("5", "this is no JSON object"),
        ("{}", "it needs either `value` or `raw`"),
        ('{"value": 1, "raw": ""}', "it needs either `value` or `raw`"),
        ('{"raw": "%"}', "raw is no text in base64"),
        ('{"key": 1.5, "value": null}', "key is neither a text nor"),
        ('{"timestamp": "soon", "value": null}', "timestamp is neither ISO 8601 nor"),
        ('{"timestamp": "2020-01-02T03:04:05", "value": null}', "timestamp has no time zone"),
        ('{"headers": {"a": {}}, "value": null}', "header 'a' is neither a text nor"),
        ('{"header": {}, "value": null}', "there is no key 'header'"),
    ],
)
def test_envelopes_of_the_wrong_form_are_refused(line: str, said: str, tmp_path: Path) -> None:
    outcome = sandbox(*CHECK, "--feed", f"orders=@{a_file(tmp_path, line)}")
    assert outcome.status == 3
    assert said in outcome.stderr


def test_dead_letters_are_shown_as_the_records_they_were(tmp_path: Path) -> None:
    big = {"id": "c", "amount": 99}
    lines = [json.dumps({"value": big}), '{"raw": "AA=="}', '{"raw": "/w=="}']
    outcome = sandbox(
        *(*CHECK, "--feed", f"orders=@{a_file(tmp_path, chr(10).join(lines))}"),
        *("--tap", "checker-in-dead-letters"),
    )
    assert outcome.documents == [big, "\0", {"raw": "/w=="}]


def test_a_topic_of_several_schemas_is_read_by_each() -> None:
    outcome = sandbox("wires.yaml", *IDLE, "--tap", "mixed")
    assert outcome.status == 0
    expected = [{"number": 1}, *({"id": f"order-{n}", "amount": n} for n in range(3))]
    assert sorted(outcome.documents, key=str) == sorted(expected, key=str)


def test_bytes_are_text_where_they_can_be() -> None:
    outcome = sandbox("wires.yaml", *IDLE, "--tap", "plain")
    assert sorted(map(str, outcome.documents)) == [
        "order-0",
        "order-1",
        "order-2",
        "{'raw': '/w=='}",
    ]


def test_a_full_disk_under_a_tap_fails_and_the_rest_drains() -> None:
    outcome = sandbox(*IDLE, "--tap", "checked=/dev/full", "--tap", "orders", "-v")
    assert outcome.status == 1
    assert "Cannot write tapped records to /dev/full: No space left on device" in outcome.stderr
    assert "Stopped: a tap failed." in outcome.stderr
    assert len(outcome.documents) == 3


def test_a_tap_into_no_folder_is_refused_before_anything_runs(tmp_path: Path) -> None:
    outcome = sandbox("--tap", f"orders={tmp_path / 'none' / 'file'}")
    assert outcome.status == 1
    assert "cannot be written: No such file or directory." in outcome.stderr


def test_a_reader_that_has_enough_ends_the_run_well() -> None:
    running = Sandbox(
        *("faults.yaml", "--only", "endless,steady", "--tap", "orders"), folder=FOLDER
    )
    assert json.loads(running.shown()) == {"id": "again", "amount": 1}
    running.close_stdout()
    outcome = running.end()
    assert outcome.status == 0
    assert "nobody reads stdout any more" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "BrokenPipe" not in outcome.stderr


def test_a_large_file_goes_through_whole(tmp_path: Path) -> None:
    file = a_file(tmp_path, "".join(f'{{"id": "{n}", "amount": 1}}\n' for n in range(5000)))
    tapped = tmp_path / "tapped.json"
    outcome = sandbox(*CHECK, "--feed", f"orders={file}", "--tap", f"checked={tapped}")
    assert outcome.status == 0
    assert [json.loads(line)["id"] for line in tapped.read_text().splitlines()] == [
        str(number) for number in range(5000)
    ]
