"""What a deployment sets on top of a blueprint: its layers merged, checked and made into values.

Called by the command line and the sandbox with the documents that their readers made of files and
`KEY=VALUE` words. Precedence, highest first: words, the last file, earlier ones, the blueprint,
defaults in code; a streamlet's settings over those of its runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streamlet_sdk.blueprint.configured import Configured, PodSettings, read
from streamlet_sdk.blueprint.explained import blueprint_layer
from streamlet_sdk.blueprint.layers import Layer, Merged, merge
from streamlet_sdk.blueprint.problems.documents import UnknownKey, WrongType
from streamlet_sdk.blueprint.problems.settings import MissingParameter, SecretInDocument
from streamlet_sdk.blueprint.reading import dotted, kind_of_value, root
from streamlet_sdk.blueprint.verify import verify, with_settings
from streamlet_sdk.errors import BlueprintError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamlet_sdk.blueprint.verified import VerifiedBlueprint
    from streamlet_sdk.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A checked configuration of an application; made by `configure` alone.

    Attributes:
        application: the blueprint with everything that the configuration changes in it:
            parameters, delivery, replicas, topics. Its dead-letter topics are those that the
            merged policies need; its warnings include those of the configuration.
        pods: the rest, by streamlet, for every streamlet.
    """

    application: VerifiedBlueprint
    pods: Mapping[str, PodSettings]


def configure(
    verified: VerifiedBlueprint, layers: Sequence[Layer] = (), *, sandbox: bool = False
) -> Configuration:
    """Merge and check the configuration of an application.

    Args:
        verified: the application.
        layers: the documents, the last one winning.
        sandbox: whether `volume-mounts` may say where mounts are; a cluster has claims for that.

    Raises:
        ConfigurationError: with every problem; the path of what a layer set begins with its name.
    """
    merged = merge([blueprint_layer(verified), *layers])
    problems = [one for layer in layers for one in _strays(layer)]
    configured = read(root(merged.values, "cloudflow", problems), verified, sandbox=sandbox)
    problems += _missing_parameters(verified, configured)
    descriptors = {name: one.descriptor for name, one in verified.streamlets.items()}
    try:
        # The same rules hold as for a blueprint, so the same function checks them.
        application = verify(configured.blueprint, descriptors)
    except BlueprintError as error:
        problems += [replace(one, path=_in_configuration(one.path)) for one in error.problems]
        raise ConfigurationError(_located(problems, merged)) from None
    if problems:
        raise ConfigurationError(_located(problems, merged))
    return Configuration(
        application=_with_dead_letters(verified, application, configured), pods=configured.pods
    )


def _with_dead_letters(
    verified: VerifiedBlueprint, application: VerifiedBlueprint, configured: Configured
) -> VerifiedBlueprint:
    topics = dict(application.topics)
    for id_ in configured.dead_letters.keys() & topics.keys():
        topics[id_] = with_settings(topics[id_], configured.dead_letters[id_])
    of_blueprint = [one for one in verified.warnings if isinstance(one, SecretInDocument)]
    # A secret in a configuration is where it belongs.
    warnings = [one for one in application.warnings if not isinstance(one, SecretInDocument)]
    return replace(application, topics=topics, warnings=(*of_blueprint, *warnings))


def _strays(layer: Layer) -> Iterator[Problem]:
    """What stands beside `cloudflow` because of a slip; other sections serve substitutions."""
    if layer.values is None:
        return
    if not isinstance(layer.values, Mapping):
        found = kind_of_value(layer.values)
        yield WrongType(path=f"{layer.name}: cloudflow", expected="a section", found=found)
        return
    for key in map(str, layer.values):
        problem = UnknownKey(path=f"{layer.name}: {dotted([key])}", name=key, known=("cloudflow",))
        if key != "cloudflow" and (problem.suggestion or "cloudflow" not in layer.values):
            yield problem


def _missing_parameters(verified: VerifiedBlueprint, configured: Configured) -> Iterator[Problem]:
    for name, streamlet in verified.streamlets.items():
        given = configured.blueprint.streamlets[name].parameters
        for parameter in streamlet.descriptor.parameters:
            if parameter.required and parameter.name not in given:
                keys = ("cloudflow", "streamlets", name, "config-parameters", parameter.name)
                yield MissingParameter(
                    path=dotted(keys),
                    streamlet=name,
                    parameter=parameter.name,
                    kind=parameter.kind,
                )


def _in_configuration(path: str) -> str:
    """The path in a configuration of what has a path in a blueprint."""
    root_key, _, rest = path.partition(".")
    if root_key != "blueprint":
        return path
    section, _, below = rest.partition(".")
    return f"cloudflow.{section}.{below.replace('.parameters.', '.config-parameters.', 1)}"


def _located(problems: Sequence[Problem], merged: Merged) -> Iterator[Problem]:
    """Each problem with the layer that set what is wrong, and with its line there."""
    for problem in problems:
        layer = merged.origins.get(problem.path)
        if layer is None:
            yield problem
        else:
            lines = {dotted(keys): line for keys, line in layer.lines.items()}
            path = f"{layer.name}: {problem.path}"
            yield replace(problem, path=path, line=lines.get(problem.path, problem.line))
