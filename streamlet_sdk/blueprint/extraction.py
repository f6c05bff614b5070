"""The process that imports and describes the classes of a project; started by `describe`.

Writes one line of JSON for each class into the file of `--report` as soon as the class is done,
so that the parent knows how far it came if user code ends the process. What user code prints goes
elsewhere.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import os
import pkgutil
import sys
import traceback
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from streamlet_sdk.blueprint.declarations import describe
from streamlet_sdk.blueprint.problems.loading import (
    ClassMissing,
    CyclicImport,
    DescribeFailed,
    ImportExited,
    ImportFailed,
    ModuleMissing,
    NotAStreamlet,
    PackageMissing,
)
from streamlet_sdk.blueprint.problems.registry import as_entry
from streamlet_sdk.errors import BlueprintError
from streamlet_sdk.streamlet import Streamlet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType, TracebackType

    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.problems import Problem

_HIDDEN = ("<frozen importlib", str(Path(__file__)), str(Path(importlib.__file__)))


class Attempt:
    """Runs user code, which may raise anything at all, also `SystemExit`; keeps what it raised."""

    error: BaseException | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Keep the error; whoever made the attempt makes a problem of it."""
        self.error = error
        return True


@dataclass(frozen=True, slots=True)
class Extraction:
    """Describes classes that are found in the folder `source` or in the environment."""

    source: Path

    def result(self, class_name: str) -> tuple[Descriptor | None, tuple[Problem, ...]]:
        """The descriptor of `module:Class`, or why there is none."""
        module_name, _, name = class_name.partition(":")
        module: ModuleType | None = None
        with Attempt() as importing:
            module = importlib.import_module(module_name)
        if module is None or importing.error is not None:
            return None, (self._import_problem(class_name, module_name, importing.error),)
        with Attempt() as describing:
            return self._described(class_name, module, name)
        error = describing.error
        about, where = _about(class_name, error), self._location(error)
        return None, (DescribeFailed(**about, error=_one_line(error), location=where),)

    def imported(self, class_name: str) -> type[Streamlet]:
        """The class `module:Class`, for who runs it in this process.

        Raises:
            BlueprintError: when it cannot be imported, or has problems; with all of them.
        """
        _, problems = self.result(class_name)
        if problems:
            raise BlueprintError(problems)
        module, _, path = class_name.partition(":")
        return cast("type[Streamlet]", reduce(getattr, path.split("."), sys.modules[module]))

    def _described(
        self, class_name: str, module: ModuleType, name: str
    ) -> tuple[Descriptor | None, tuple[Problem, ...]]:
        found: Any = module
        for part in name.split("."):
            if not hasattr(found, part):
                return None, (
                    ClassMissing(
                        path=class_name,
                        class_name=class_name,
                        module=module.__name__,
                        name=name,
                        known=tuple(_streamlets(module)),
                    ),
                )
            found = getattr(found, part)
        if isinstance(found, type) and issubclass(found, Streamlet):
            return describe(found, class_name)
        kind = "a class" if isinstance(found, type) else f"a {type(found).__name__}"
        return None, (NotAStreamlet(path=class_name, class_name=class_name, found=kind),)

    def _import_problem(self, class_name: str, module: str, error: BaseException | None) -> Problem:
        about, where = _about(class_name, error), self._location(error)
        if isinstance(error, SystemExit):
            code = repr(error.code) if error.code is not None else "status 0"
            return ImportExited(**about, code=code, location=where)
        if isinstance(error, ModuleNotFoundError) and self._is_missing(module, error):
            known = tuple(self._modules(module))
            return ModuleMissing(path=class_name, class_name=class_name, name=module, known=known)
        if isinstance(error, ModuleNotFoundError):
            return PackageMissing(**about, package=error.name or str(error), location=where)
        if "circular import" in str(error):
            files = dict.fromkeys(self._relative(frame.filename) for frame in _frames(error))
            return CyclicImport(**about, modules=tuple(files))
        return ImportFailed(**about, error=_one_line(error), location=where)

    def _is_missing(self, module: str, error: ModuleNotFoundError) -> bool:
        """Whether the module itself is not there, and not one that it imports."""
        named = error.name or ""
        return not _frames(error) and (module == named or module.startswith(f"{named}."))

    def _modules(self, wanted: str) -> Iterator[str]:
        """Names of modules that `wanted` could be a slip of."""
        package = wanted.rpartition(".")[0]
        while package and package not in sys.modules:
            package = package.rpartition(".")[0]
        path = list(sys.modules[package].__path__) if package else [str(self.source)]
        prefix = f"{package}." if package else ""
        return (one.name for one in pkgutil.iter_modules(path, prefix))

    def _location(self, error: BaseException | None) -> str:
        """File and line where the project's own code raised it."""
        if isinstance(error, SyntaxError) and error.filename is not None:
            return f"{self._relative(error.filename)}:{error.lineno}"
        frames = _frames(error)
        own = [one for one in frames if Path(one.filename).is_relative_to(self.source)]
        last = next(reversed(own or frames), None)
        return "its import" if last is None else f"{self._relative(last.filename)}:{last.lineno}"

    def _relative(self, file: str) -> str:
        path = Path(file)
        return str(path.relative_to(self.source)) if path.is_relative_to(self.source) else file


def _streamlets(module: ModuleType) -> Iterator[str]:
    for name, item in vars(module).items():
        if isinstance(item, type) and issubclass(item, Streamlet) and item is not Streamlet:
            yield name


def _frames(error: BaseException | None) -> list[traceback.FrameSummary]:
    """The frames of user code."""
    frames = traceback.extract_tb(error.__traceback__ if error is not None else None)
    return [one for one in frames if not one.filename.startswith(_HIDDEN)]


def _about(class_name: str, error: BaseException | None) -> dict[str, Any]:
    """What every problem says of a class and of what was raised."""
    return {"path": class_name, "class_name": class_name, "detail": _detail(error)}


def _detail(error: BaseException | None) -> str:
    """The traceback, without the frames of the import system and of this module."""
    if error is None:
        return ""
    only = "".join(traceback.format_exception_only(error))
    return "".join([*traceback.format_list(_frames(error)), only]).rstrip()


def _one_line(error: BaseException | None) -> str:
    if error is None:
        return "nothing"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def main(arguments: Sequence[str]) -> None:
    """Describe every class named by the arguments, then leave at once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--trace", type=Path, required=True)
    parser.add_argument("--timeout", type=float, required=True)
    parser.add_argument("classes", nargs="+")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(options.source))
    extraction = Extraction(options.source)
    with options.report.open("w", encoding="utf-8") as report, options.trace.open("w") as trace:
        faulthandler.enable(trace)
        faulthandler.dump_traceback_later(options.timeout, exit=True, file=trace)
        for class_name in options.classes:
            descriptor, problems = extraction.result(class_name)
            report.write(_line(class_name, descriptor, problems))
            report.flush()
    # Threads and exit hooks of the imported code would hold the process up.
    os._exit(0)


def _line(class_name: str, descriptor: Descriptor | None, problems: Sequence[Problem]) -> str:
    entry: dict[str, Any] = {"class": class_name}
    if descriptor is not None:
        entry["descriptor"] = descriptor.model_dump(mode="json", by_alias=True)
    else:
        entry["problems"] = [as_entry(problem) for problem in problems]
    return json.dumps(entry) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
