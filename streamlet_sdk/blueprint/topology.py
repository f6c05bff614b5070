"""Questions about the shape of an application: what feeds what, and in which order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.blueprint.verified import VerifiedBlueprint, VerifiedTopic


@dataclass(frozen=True)
class Topology:
    """The shape of an application; dead-letter topics of the platform are no part of it."""

    application: VerifiedBlueprint

    @cached_property
    def feeds(self) -> Mapping[str, tuple[str, ...]]:
        """The streamlets that each streamlet feeds by some topic, in document order."""
        found: dict[str, dict[str, None]] = {name: {} for name in self.application.streamlets}
        for topic in self.application.topics.values():
            for producer in topic.producers:
                for consumer in topic.consumers:
                    found[producer.streamlet].setdefault(consumer.streamlet)
        return {name: tuple(fed) for name, fed in found.items()}

    @cached_property
    def stage(self) -> Mapping[str, int]:
        """How many streamlets lie between a streamlet and the first ones, the longest way.

        A circle begins where records come into it, else with what stands first in the document.
        """
        waiting = dict.fromkeys(self.application.streamlets, 0)
        for name, fed in self.feeds.items():
            for one in fed:
                waiting[one] += one != name
        stages: dict[str, int] = {}
        lowest: defaultdict[str, int] = defaultdict(int)
        while waiting:
            ready = [name for name, count in waiting.items() if count == 0]
            for name in ready or [self._beginning(waiting, lowest)]:
                del waiting[name]
                stages[name] = lowest[name]
                for one in self.feeds[name]:
                    if one in waiting:
                        waiting[one] -= 1
                        lowest[one] = max(lowest[one], stages[name] + 1)
        return stages

    def _beginning(self, waiting: Mapping[str, int], lowest: Mapping[str, int]) -> str:
        """The streamlet with which a circle begins, when all that is left waits for a circle."""
        circling = [name for name in waiting if self._comes_back(name, waiting)]
        return next((name for name in circling if name in lowest), circling[0])

    def _comes_back(self, name: str, among: Mapping[str, int]) -> bool:
        seen: set[str] = set()
        following = list(self.feeds[name])
        while following:
            one = following.pop()
            if one == name:
                return True
            if one in among and one not in seen:
                seen.add(one)
                following += self.feeds[one]
        return False

    @cached_property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """The streamlets of each stage, in document order."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        for name in self.application.streamlets:
            found[self.stage[name]].append(name)
        return tuple(tuple(found[number]) for number in sorted(found))

    @cached_property
    def topics(self) -> tuple[VerifiedTopic, ...]:
        """The topics of the blueprint in the order of the flow, then of the document."""
        topics = [topic for topic in self.application.topics.values() if not topic.implicit]
        return tuple(sorted(topics, key=self.topic_stage))

    def topic_stage(self, topic: VerifiedTopic) -> int:
        """The stage behind which a topic lies; before its consumers when nobody produces it."""
        if topic.producers:
            return max(self.stage[path.streamlet] for path in topic.producers)
        return min((self.stage[path.streamlet] - 1 for path in topic.consumers), default=-1)

    def is_feedback(self, topic: VerifiedTopic, streamlet: str) -> bool:
        """Whether a topic leads back to a streamlet of the same or an earlier stage."""
        return bool(topic.producers) and self.stage[streamlet] <= self.topic_stage(topic)

    def dead_letters(self) -> Sequence[VerifiedTopic]:
        """The topics that the platform adds."""
        return [topic for topic in self.application.topics.values() if topic.implicit]
