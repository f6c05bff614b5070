"""Makes an instance of a streamlet class from its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamlet_sdk.blueprint.problems.settings import InvalidParameterValue, MissingParameter
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.parameters import Parameter, VolumeMount, kind_of
from streamlet_sdk.streamlet import settings

if TYPE_CHECKING:
    from streamlet_sdk.contract import ParameterSource, StreamletConfig
    from streamlet_sdk.problems import Problem
    from streamlet_sdk.streamlet import Streamlet


def instance(cls: type[Streamlet], config: StreamletConfig) -> Streamlet:
    """An instance of `cls` with the parameters and mounts of `config`.

    Raises:
        ConfigurationError: with every parameter that is missing or wrong.
    """
    declared = settings(cls).items()
    values: dict[str, Any] = {
        attribute: Path(config.volume_mounts.get(mount.name, mount.path))
        for attribute, mount in declared
        if isinstance(mount, VolumeMount)
    }
    problems: list[Problem] = []
    for attribute, parameter in declared:
        if not isinstance(parameter, Parameter):
            continue
        source = config.parameters.get(parameter.name)
        if source is None and parameter.required:
            problems.append(_missing(parameter, config.streamlet))
        elif source is not None:
            try:
                values[attribute] = parameter.parse(_text(source))
            except (ValueError, OSError) as error:
                problems.append(_invalid(parameter, config.streamlet, error))
    if problems:
        raise ConfigurationError(problems)
    return cls(**values)


def _text(source: ParameterSource) -> str:
    if source.file is not None:
        # The newline that editors and `kubectl create secret --from-file` leave is no part of it.
        return Path(source.file).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    return source.value or ""


def _invalid(parameter: Parameter[Any], streamlet: str, error: Exception) -> Problem:
    # The text of a secret must not reach a log; where its file should be may.
    is_text = isinstance(error, ValueError)
    reason = "it does not have the form of one" if parameter.secret and is_text else str(error)
    path = _path(parameter, streamlet)
    return InvalidParameterValue(path=path, parameter=parameter.name, reason=reason)


def _missing(parameter: Parameter[Any], streamlet: str) -> Problem:
    return MissingParameter(
        path=_path(parameter, streamlet),
        streamlet=streamlet,
        parameter=parameter.name,
        kind=kind_of(parameter.type),
    )


def _path(parameter: Parameter[Any], streamlet: str) -> str:
    return f"cloudflow.streamlets.{streamlet}.config-parameters.{parameter.name}"
