"""Runs to the end: summaries, banner, idleness with retries, replicas, parts of an application."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from support.sandbox import sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from support.golden import Golden

IDLE = ("--until", "idle", "--timeout", "30s")
LIMIT = "cloudflow.streamlets.checker.config-parameters.limit=1"


def steady(text: str) -> str:
    """`text` without what differs from run to run: times, temporary folders."""
    text = re.sub(r"^\d\d:\d\d:\d\d ", "HH:MM:SS ", text, flags=re.MULTILINE)
    text = re.sub(r"/\S*/cloudflow-(\S+)-\w+", r"/tmp/cloudflow-\1-XXXX", text)
    return re.sub(r"ran for [\d.]+ s", "ran for N s", text)


def test_the_banner_log_and_summary_are_as_expected(golden: Golden) -> None:
    outcome = sandbox(LIMIT, *IDLE)
    head, _, rest = steady(outcome.stderr).partition("HH:MM:SS")
    log, _, summary = rest.partition("\n\n")
    golden.check("banner.txt", head)
    golden.check("summary.txt", summary)
    # Streamlets run side by side: each tells its own story in order.
    lines = f"HH:MM:SS{log}".splitlines()
    golden.check("log.txt", "\n".join(sorted(lines)) + "\n")
    assert outcome.status == 0
    assert outcome.stdout == ""


def test_the_summary_for_scripts_is_all_of_stdout() -> None:
    outcome = sandbox(LIMIT, *IDLE, "-o", "json")
    none = {"retried": 0, "deadLettered": 0, "skipped": 0, "failed": 0}
    assert outcome.summary.pop("seconds") > 0
    assert outcome.summary["streamlets"] == {
        "shop": none | {"received": 0, "emitted": 3},
        "checker": none | {"received": 3, "emitted": 2, "deadLettered": 1},
        "till": none | {"received": 2, "emitted": 0},
    }
    assert outcome.summary["topics"] == {
        "orders": 3,
        "checked": 2,
        "checker-in-dead-letters": 1,
        "till-in-dead-letters": 0,
    }


def test_idle_waits_for_retries_and_their_delays() -> None:
    outcome = sandbox(
        "faults.yaml", "--only", "twice", "--feed", "orders=two.jsonl", *IDLE, "-o", "json"
    )
    assert outcome.status == 0
    assert outcome.counted("twice") == {"received": 2, "emitted": 2, "retried": 4}


def test_idle_waits_for_the_timer_of_a_batch() -> None:
    outcome = sandbox(
        *("faults.yaml", "--only", "batcher", "--feed", "orders=two.jsonl", *IDLE),
        *("--tap", "done"),
    )
    assert outcome.status == 0
    assert outcome.documents == [{"id": "sum", "amount": 3}]


def test_a_crash_restarts_only_the_streamlet_that_failed_and_nothing_is_lost() -> None:
    outcome = sandbox(
        *("faults.yaml", "--only", "once,steady", "--feed", "orders=two.jsonl", *IDLE),
        *("-o", "json"),
    )
    assert outcome.status == 1
    assert outcome.counted("once")["emitted"] == 2
    assert outcome.counted("once")["failed"] == 1
    assert outcome.counted("steady") == {"received": 2, "emitted": 2}
    assert outcome.stderr.count("steady starts") == 1
    assert "once failed and starts again in 1 s" in outcome.stderr
    assert "ConnectionError: the database is away" in outcome.stderr
    assert "instance 1" in outcome.stderr
    assert "Failed: once" in outcome.stderr


def test_tracebacks_show_the_frames_of_the_project_alone() -> None:
    words = ("faults.yaml", "--only", "once", "--feed", "orders=one.jsonl", *IDLE)
    short, long = sandbox(*words), sandbox(*words, "-v")
    assert "faults.py" in short.stderr
    assert "streamlet_sdk/" not in short.stderr
    assert "streamlet_sdk/" in long.stderr


def test_what_keeps_failing_ends_with_the_timeout() -> None:
    outcome = sandbox(
        *("faults.yaml", "--only", "always", "--feed", "orders=one.jsonl"),
        *("--until", "idle", "--timeout", "2s"),
    )
    assert outcome.status == 1
    assert "The time of --timeout is over" in outcome.stderr
    assert "Not finished: always is restarting." in outcome.stderr
    assert "Not finished: always.in leaves 1 record." in outcome.stderr


def test_what_fails_five_times_in_a_row_ends_the_wait_for_idleness() -> None:
    outcome = sandbox(
        *("faults.yaml", "--only", "always", "--feed", "orders=one.jsonl", "--until", "idle")
    )
    assert outcome.status == 1
    assert "a streamlet fails again and again" in outcome.stderr
    assert outcome.stderr.count("always failed and starts again") == 5
    assert "Not finished: always is restarting." in outcome.stderr


def test_replicas_share_the_partitions_of_a_topic() -> None:
    outcome = sandbox(
        *("cloudflow.streamlets.shop.config-parameters.count=60", "--replicas", "till=3"),
        *("--partitions", "checked=3", "--tap", "checked", "--tap-envelope", *IDLE),
        "cloudflow.streamlets.checker.config-parameters.limit=99",
    )
    assert outcome.status == 0
    shown = set(re.findall(r"^\S+ (till-\d)", outcome.stderr, re.MULTILINE))
    assert shown == {"till-0", "till-1", "till-2"}
    assert outcome.stderr.count(" makes ") == 60
    assert {document["partition"] for document in outcome.documents} == {0, 1, 2}


def test_topics_have_as_many_partitions_as_their_readers_have_replicas() -> None:
    outcome = sandbox("--replicas", "till=2", *IDLE)
    assert re.search(r"checked +2 partitions", outcome.stderr)
    assert re.search(r"orders +1 partition ", outcome.stderr)


def test_a_time_ends_it_too() -> None:
    outcome = sandbox("--until", "300ms")
    assert outcome.status == 0
    assert "The time of --until is over" in outcome.stderr


def test_a_part_runs_without_the_configuration_of_the_rest() -> None:
    alone = sandbox("--only", "till", "--config", "limits.yaml", *IDLE, "-o", "json")
    assert alone.status == 0
    assert list(alone.summary["streamlets"]) == ["till"]
    assert list(alone.summary["topics"]) == ["checked", "till-in-dead-letters"]


def test_a_part_needs_no_parameters_of_the_rest() -> None:
    whole, part = sandbox("faults.yaml"), sandbox("faults.yaml", "--only", "steady", *IDLE)
    assert whole.status == 3
    assert "the parameter 'token' (string) has no value" in whole.stderr
    assert part.status == 0


def test_files_and_words_configure_in_their_order() -> None:
    words = ("--config", "limits.yaml", *IDLE, "-o", "json")
    assert "deadLettered" not in sandbox(*words).counted("checker")
    assert sandbox(LIMIT, *words).counted("checker")["deadLettered"] == 1


def test_a_volume_mount_is_where_it_was_said_or_temporary(tmp_path: Path) -> None:
    words = ("faults.yaml", "--only", "keeper", "--feed", "orders=one.jsonl", *IDLE)
    named = sandbox(*words, "--volume-mount", f"keeper.shelf={tmp_path}")
    assert named.status == 0
    assert (tmp_path / "a").read_text() == "1"
    temporary = sandbox(*words)
    kept = re.search(r"Kept (\S+), which keeper wrote to\.", temporary.stderr)
    assert kept is not None
    assert re.search(rf"keeper\.shelf +{kept[1]} +temporary", temporary.stderr)
    shutil.rmtree(kept[1])


def test_what_user_code_prints_is_in_the_log_and_not_on_stdout() -> None:
    outcome = sandbox(
        *("faults.yaml", "--only", "printing", "--feed", "orders=one.jsonl", *IDLE),
        *("--tap", "orders"),
    )
    assert outcome.documents == [{"id": "a", "amount": 1}]
    assert re.search(r"^\S+ printing printed a$", outcome.stderr, re.MULTILINE)
