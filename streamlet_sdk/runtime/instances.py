"""Makes an instance of a streamlet class from its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.parameters import Parameter, VolumeMount
from streamlet_sdk.problems import Problem
from streamlet_sdk.streamlet import settings

if TYPE_CHECKING:
    from streamlet_sdk.contract import ParameterSource, StreamletConfig
    from streamlet_sdk.streamlet import Streamlet


@dataclass(frozen=True, kw_only=True)
class MissingParameter(Problem):
    """A parameter without default that got no value."""

    parameter: str

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return f"parameter {self.parameter!r} has no default and was not given."

    @property
    def remedy(self) -> str:
        """What to do."""
        return f"Set {self.path}."


@dataclass(frozen=True, kw_only=True)
class WrongParameter(Problem):
    """A parameter whose text is not of its type, or whose file cannot be read."""

    parameter: str
    message: str

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return f"parameter {self.parameter!r}: {self.message}."

    @property
    def remedy(self) -> str:
        """What to do."""
        return f"Correct {self.path}."


def instance(cls: type[Streamlet], config: StreamletConfig) -> Streamlet:
    """An instance of `cls` with the parameters and mounts of `config`.

    Raises:
        ConfigurationError: with every parameter that is missing or wrong.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for attribute, setting in settings(cls).items():
        if isinstance(setting, VolumeMount):
            values[attribute] = Path(config.volume_mounts.get(setting.name, setting.path))
        elif isinstance(setting, Parameter):
            path = f"cloudflow.streamlets.{config.streamlet}.config-parameters.{setting.name}"
            source = config.parameters.get(setting.name)
            if source is not None:
                try:
                    values[attribute] = setting.parse(_text(source))
                except (ValueError, OSError) as error:
                    # The text of a secret must not reach a log.
                    message = "its value is not valid" if setting.secret else str(error)
                    problems.append(
                        WrongParameter(path=path, parameter=setting.name, message=message)
                    )
            elif setting.required:
                problems.append(MissingParameter(path=path, parameter=setting.name))
    if problems:
        raise ConfigurationError(problems)
    return cls(**values)


def _text(source: ParameterSource) -> str:
    if source.file is not None:
        return Path(source.file).read_text(encoding="utf-8")
    return source.value or ""
