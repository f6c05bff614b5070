"""What can be wrong with a project's files before they are read as blueprint or configuration.

Beside these, readers use `UnreadableDocument` and `DuplicateKey` of `streamlet_sdk.blueprint`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated, UnknownName


@dataclass(frozen=True, kw_only=True)
class MissingFile(UnknownName):
    """There is no file of this name."""

    says: ClassVar[str] = "there is no file {name}."
    advises: ClassVar[str] = "Make it, or correct the name."


@dataclass(frozen=True, kw_only=True)
class MissingFolder(UnknownName):
    """There is no folder of this name."""

    says: ClassVar[str] = "there is no folder {name}."
    advises: ClassVar[str] = "Make it, or correct the name."


@dataclass(frozen=True, kw_only=True)
class FolderInsteadOfFile(Stated):
    """A folder stands where a file is needed."""

    says: ClassVar[str] = "this is a folder, not a file."
    advises: ClassVar[str] = "Name a file in it."


@dataclass(frozen=True, kw_only=True)
class FileNotReadable(Stated):
    """The operating system does not let the file be read."""

    reason: str
    says: ClassVar[str] = "the file cannot be read: {reason}."
    advises: ClassVar[str] = "Look at its permissions and at the disk."


@dataclass(frozen=True, kw_only=True)
class WrongEncoding(Stated):
    """The file is text in another encoding, or no text at all."""

    reason: str
    says: ClassVar[str] = "the file is not UTF-8 text: {reason}."
    advises: ClassVar[str] = "Save it as UTF-8."


@dataclass(frozen=True, kw_only=True)
class UnknownFormat(Stated):
    """The name of the file does not say what is in it."""

    suffix: str
    says: ClassVar[str] = "{suffix!r} is no known ending of a document."
    advises: ClassVar[str] = "Name it .yaml or .yml, or .conf for HOCON."


@dataclass(frozen=True, kw_only=True)
class TabInYaml(Stated):
    """A line of YAML begins with a tab."""

    says: ClassVar[str] = "the line is indented with a tab, which YAML does not allow."
    advises: ClassVar[str] = "Indent it with spaces."


@dataclass(frozen=True, kw_only=True)
class UnsupportedYaml(Stated):
    """Valid YAML that means nothing in a document of Cloudflow."""

    what: str
    says: ClassVar[str] = "{what}."
    advises: ClassVar[str] = "Write it with plain keys, lists, texts, numbers and booleans."


@dataclass(frozen=True, kw_only=True)
class UnreadableProject(Stated):
    """`pyproject.toml` is not TOML."""

    reason: str
    says: ClassVar[str] = "the file is not TOML: {reason}."
    advises: ClassVar[str] = "Correct the syntax at this place."


@dataclass(frozen=True, kw_only=True)
class NoCloudflowSection(Stated):
    """A Python project that is no project of Cloudflow."""

    says: ClassVar[str] = "there is no section [tool.cloudflow], so this is no Cloudflow project."
    advises: ClassVar[str] = (
        "Add the section, also an empty one; or name the folder of the project."
    )


@dataclass(frozen=True, kw_only=True)
class MissingProjectKey(Stated):
    """The project does not say what the application is called, or which version it is."""

    key: str
    says: ClassVar[str] = "the application has no {key}."
    advises: ClassVar[str] = "Set {key} in [project], or in [tool.cloudflow]."


@dataclass(frozen=True, kw_only=True)
class UnknownProjectKey(UnknownName):
    """A key of `[tool.cloudflow]` that means nothing."""

    says: ClassVar[str] = "the key {name!r} means nothing here."
    advises: ClassVar[str] = "These keys exist: {known}."


@dataclass(frozen=True, kw_only=True)
class WrongProjectType(Stated):
    """A value in `pyproject.toml` of a type that it cannot have."""

    expected: str
    says: ClassVar[str] = "this has to be {expected}."
    advises: ClassVar[str] = "Write {expected}."


@dataclass(frozen=True, kw_only=True)
class InvalidApplicationName(Stated):
    """The application's name becomes part of names in Kubernetes and Kafka."""

    name: str
    says: ClassVar[str] = "{name!r} cannot be the name of an application."
    advises: ClassVar[str] = (
        "Use at most 63 lower-case letters, digits and dashes, a letter first and no dash last; "
        "`name` in [tool.cloudflow] wins over the one in [project]."
    )


@dataclass(frozen=True, kw_only=True)
class InvalidRepository(Stated):
    """The place that images are pushed to is not written as one."""

    name: str
    says: ClassVar[str] = "{name!r} is no repository of images."
    advises: ClassVar[str] = (
        "Write registry.example.com/team/application, in lower case and without a tag: the tag is "
        "made of the version and the content."
    )


@dataclass(frozen=True, kw_only=True)
class UnknownBuilder(UnknownName):
    """The project asks for a program that is not known to build images."""

    says: ClassVar[str] = "{name!r} is no builder of images."
    advises: ClassVar[str] = "Write one of these: {known}."


@dataclass(frozen=True, kw_only=True)
class LocalRequirement(Stated):
    """A requirement is a file of this machine, which an image does not have."""

    says: ClassVar[str] = "this names a file, and an image has no files of this machine."
    advises: ClassVar[str] = (
        "Name the package and its version; a wheel of your own goes into the folder `wheels` of "
        "[tool.cloudflow.image]."
    )


@dataclass(frozen=True, kw_only=True)
class DynamicDependencies(Stated):
    """What the project depends on is known to its build system alone."""

    says: ClassVar[str] = "the dependencies are dynamic, so they are not in this file."
    advises: ClassVar[str] = "Lock them with uv, or in a requirements.txt beside pyproject.toml."
