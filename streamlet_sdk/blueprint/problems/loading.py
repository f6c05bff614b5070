"""What can go wrong when the classes of a project are imported to be described."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from streamlet_sdk.blueprint.problems.stated import Stated, UnknownName


@dataclass(frozen=True, kw_only=True)
class ClassProblem(Stated):
    """Base of the problems of one streamlet class.

    Attributes:
        class_name: the class as `package.module:Class`.
        detail: the traceback, or what the process wrote last; empty when there is none.
    """

    class_name: str
    detail: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class ImportProblem(ClassProblem):
    """Base of the problems that keep a whole module, with all its classes, from being imported."""

    @property
    def cause(self) -> str:
        """The same for all classes that one cause keeps from being imported."""
        return f"{self.class_name.partition(':')[0]}: {self.sentence}"


@dataclass(frozen=True, kw_only=True)
class RaisedImport(ImportProblem):
    """Base of those that code of the project raised, in this module or in one that it imports.

    Attributes:
        location: file and line in the project where it was raised.
    """

    location: str

    @property
    def cause(self) -> str:
        """The same for all modules that import what raised it."""
        return self.sentence


@dataclass(frozen=True, kw_only=True)
class ModuleMissing(ImportProblem, UnknownName):
    """There is no module of this name in the project's source."""

    says: ClassVar[str] = "there is no module {name!r}."
    advises: ClassVar[str] = "Correct the class in the blueprint, or add the module."


@dataclass(frozen=True, kw_only=True)
class ClassMissing(ClassProblem, UnknownName):
    """The module exists and has no class of this name."""

    module: str
    says: ClassVar[str] = "the module {module!r} has no {name!r}."
    advises: ClassVar[str] = "Streamlets in it: {known}."


@dataclass(frozen=True, kw_only=True)
class NotAStreamlet(ClassProblem):
    """What the blueprint names is something else than a streamlet class."""

    found: str
    says: ClassVar[str] = "this is {found}, not a streamlet."
    advises: ClassVar[str] = "Name a class that derives from `streamlet_sdk.Streamlet`."


@dataclass(frozen=True, kw_only=True)
class PackageMissing(RaisedImport):
    """A module of the project imports a package that is not installed."""

    package: str
    says: ClassVar[str] = "the package {package!r}, imported at {location}, is not installed."
    advises: ClassVar[str] = "Add it to the project's dependencies and install them."


@dataclass(frozen=True, kw_only=True)
class ImportFailed(RaisedImport):
    """The import of the module raised an exception."""

    error: str
    says: ClassVar[str] = "importing the class fails with {error} at {location}."
    advises: ClassVar[str] = "Make the module importable; `-v` shows the traceback."


@dataclass(frozen=True, kw_only=True)
class CyclicImport(ImportProblem):
    """Modules import each other, and one needs a name that the other has not defined yet."""

    modules: tuple[str, ...]
    says: ClassVar[str] = "these files import each other in a circle: {modules}."
    advises: ClassVar[str] = "Move what they share into a module of its own; `-v` shows the order."


@dataclass(frozen=True, kw_only=True)
class ImportExited(RaisedImport):
    """The module called `sys.exit` while it was imported."""

    code: str
    says: ClassVar[str] = "importing the class exits with {code} at {location}."
    advises: ClassVar[str] = (
        'Keep what runs a program under `if __name__ == "__main__":`, out of the import.'
    )


@dataclass(frozen=True, kw_only=True)
class ImportCrashed(ImportProblem):
    """The import ended the whole process: a crash of native code, or `os._exit`."""

    ending: str
    says: ClassVar[str] = "importing the class ended its process with {ending}."
    advises: ClassVar[str] = "Look at what the module loads; `-v` shows where it was."


@dataclass(frozen=True, kw_only=True)
class ImportTimedOut(ImportProblem):
    """The import did not end: it waits for something, or loops."""

    seconds: float
    says: ClassVar[str] = "importing the class did not end within {seconds:g} seconds."
    advises: ClassVar[str] = (
        "Move connections and long work into `async def start(self)`; `-v` shows where it was."
    )


@dataclass(frozen=True, kw_only=True)
class DescribeFailed(ClassProblem):
    """Looking at the class raised an exception: code of the project that runs on access."""

    error: str
    location: str
    says: ClassVar[str] = "looking at the class fails with {error} at {location}."
    advises: ClassVar[str] = "Keep attribute access free of side effects; `-v` shows the traceback."
