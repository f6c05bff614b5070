"""What documents and words set of an application, as entries of its resource.

Pure. The same entries go into `spec.streamlets`, when an application is deployed, or into
`spec.overrides`, when it is configured; only what is set is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cloudflow_cli.application_resource import (
    Manifest,
    credentials,
    secret_key,
    settings,
    topic_settings,
)
from cloudflow_cli.deploying.problems import NoSuchStreamlet
from cloudflow_cli.pod_patch import pod_patch
from streamlet_sdk.blueprint.configuration import configure
from streamlet_sdk.blueprint.configured import read
from streamlet_sdk.blueprint.layers import COMMAND_LINE, merge
from streamlet_sdk.blueprint.policies import parameter_text
from streamlet_sdk.blueprint.problems.settings import UnknownMount
from streamlet_sdk.blueprint.reading import root
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamlet_sdk.blueprint.configured import Configured
    from streamlet_sdk.blueprint.layers import Layer
    from streamlet_sdk.blueprint.verified import VerifiedBlueprint, VerifiedStreamlet
    from streamlet_sdk.problems import Problem


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim that a word of the command line names for a mount."""

    streamlet: str
    mount: str
    claim: str

    @property
    def place(self) -> str:
        """Where it was said."""
        return f"{COMMAND_LINE}: --volume-mount {self.streamlet}.{self.mount}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What is set on top of an application.

    Attributes:
        streamlets: the entry of each streamlet of which something is set.
        topics: the entry of each topic of which something is set, without its ports.
        secrets: the values of secret parameters, by their key in the application's Secret; the
            entries refer to these keys.
    """

    streamlets: Mapping[str, Manifest] = field(default_factory=dict)
    topics: Mapping[str, Manifest] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def overlay(
    application: str,
    verified: VerifiedBlueprint,
    layers: Sequence[Layer],
    claims: Iterable[Claim] = (),
) -> Overlay:
    """Read documents and words that shall hold for an application.

    Args:
        application: its name.
        verified: what it is without them.
        layers: the documents, the last one winning.
        claims: for mounts, over those of the documents.

    Raises:
        ConfigurationError: with every problem; the path of what a layer set begins with its name.
    """
    claims = list(claims)
    problems: list[Problem] = [*_unknown(verified, claims)]
    try:
        whole = configure(verified, layers)
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *problems]) from None
    problems += credentials(whole.application.topics.values())
    said = read(root(merge(layers).values, "cloudflow", []), verified, sandbox=False)
    entries: dict[str, Manifest] = {}
    secrets: dict[str, str] = {}
    for name, streamlet in verified.streamlets.items():
        own = _said(streamlet, said)
        patch = pod_patch(own, said.pods[name].kubernetes, problems)
        entry = settings(application, own, said.pods[name], patch)
        entries[name] = _with_claims(entry, name, claims)
        secrets |= _secrets(own)
    if problems:
        raise ConfigurationError(problems)
    return Overlay(
        streamlets={name: {"name": name, **one} for name, one in entries.items() if one},
        topics=dict(_topics(said)),
        secrets=secrets,
    )


def _unknown(verified: VerifiedBlueprint, claims: Iterable[Claim]) -> Iterator[Problem]:
    for one in claims:
        streamlet = verified.streamlets.get(one.streamlet)
        if streamlet is None:
            known = tuple(verified.streamlets)
            yield NoSuchStreamlet(path=one.place, name=one.streamlet, known=known)
            continue
        mounts = tuple(mount.name for mount in streamlet.descriptor.volume_mounts)
        if one.mount not in mounts:
            yield UnknownMount(
                path=one.place, streamlet=one.streamlet, name=one.mount, known=mounts
            )


def _said(streamlet: VerifiedStreamlet, said: Configured) -> VerifiedStreamlet:
    """The streamlet with that alone which the documents say of it."""
    written = said.blueprint.streamlets[streamlet.name]
    parameters = streamlet.descriptor.parameter_by_name
    return replace(
        streamlet,
        replicas=written.replicas,
        parameters={
            key: parameter_text(parameters[key], value) for key, value in written.parameters.items()
        },
        delivery=written.delivery,
    )


def _secrets(streamlet: VerifiedStreamlet) -> dict[str, str]:
    known = streamlet.descriptor.parameter_by_name
    return {
        secret_key(streamlet.name, key): text
        for key, text in streamlet.parameters.items()
        if known[key].secret
    }


def _with_claims(entry: Manifest, streamlet: str, claims: Iterable[Claim]) -> Manifest:
    told = {one["mount"]: one["claimName"] for one in entry.get("volumeClaims", ())}
    told |= {one.mount: one.claim for one in claims if one.streamlet == streamlet}
    if not told:
        return entry
    listed = [{"mount": mount, "claimName": claim} for mount, claim in told.items()]
    return {**entry, "volumeClaims": listed}


def _topics(said: Configured) -> Iterator[tuple[str, dict[str, Any]]]:
    found = {id_: topic.settings for id_, topic in said.blueprint.topics.items()}
    for id_, one in (found | dict(said.dead_letters)).items():
        if entry := topic_settings(one):
            yield id_, entry
