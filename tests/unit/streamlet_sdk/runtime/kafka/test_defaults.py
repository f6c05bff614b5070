"""What holds for clients of a real Kafka when nobody says anything; each number has its reason."""

from __future__ import annotations

from datetime import timedelta

from streamlet_sdk.runtime.kafka.properties import Properties

MEBIBYTE = 1024 * 1024


def test_a_broker_that_does_not_answer_holds_up_others_for_ten_seconds() -> None:
    # aiokafka connects to one broker after the other: a longer time would block them all.
    assert Properties({}).connection()["request_timeout_ms"] == 10_000
    assert Properties({}).producer().request == timedelta(seconds=10)


def test_partitions_that_are_added_are_noticed_within_half_a_minute() -> None:
    assert Properties({}).connection()["metadata_max_age_ms"] == 30_000


def test_who_is_gone_without_a_word_is_missed_soon_and_a_restart_is_not() -> None:
    settings = Properties({}).consumer()
    assert timedelta(seconds=10) <= settings.session <= timedelta(seconds=15)
    assert settings.heartbeat * 3 <= settings.session


def test_the_barrier_of_a_rebalance_has_ten_seconds_and_a_reserve() -> None:
    settings = Properties({}).consumer()
    budget = settings.rebalance - settings.heartbeat - timedelta(seconds=2)
    assert budget >= timedelta(seconds=10)


def test_what_is_fetched_ahead_is_bounded() -> None:
    settings = Properties({}).consumer()
    assert settings.fetch_max_bytes == 8 * MEBIBYTE
    assert settings.fetch_partition_bytes == MEBIBYTE


def test_an_idle_partition_holds_up_a_busy_one_for_a_moment_only() -> None:
    # A fetch waits for its slowest partition; those of one broker are fetched together.
    assert Properties({}).consumer().fetch_wait == timedelta(milliseconds=50)


def test_a_transaction_that_was_left_open_hides_others_for_ten_seconds() -> None:
    assert Properties({}).producer().transaction == timedelta(seconds=10)


def test_batches_are_compressed_with_the_fastest_codec() -> None:
    assert Properties({}).producer().compression == "zstd"
