"""What is under version control is about this project alone, and works on any machine."""

from __future__ import annotations

import re

from support.sources import ROOT, tracked_files

# Put together here, so that this file does not hold what it looks for.
MACHINE_PATHS = [
    "/".join(("", *parts))
    for parts in (("work", "main"), ("root", ""), ("home", ""), ("Users", ""))
]
PACKAGE_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("maven", "org"),
        ("golang", "org"),
        ("debian", "org"),
    )
]
FOREIGN = re.compile("|".join(re.escape(text) for text in MACHINE_PATHS + PACKAGE_HOSTS))
# A module of Go is called by the host that it comes from.
NAMES_OF_MODULES = frozenset({"go.mod", "go.sum"})
MODULES_IN_A_CONTAINER = re.compile(r"(operator|cli)/[^/]+\.py")


def test_no_file_names_a_machine_or_a_package_host() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in tracked_files()
        if file.is_file() and file.name not in NAMES_OF_MODULES
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_the_containers_hold_packages_and_no_modules() -> None:
    """A module in `operator/` would hide the standard library's for whoever runs from the root."""
    names = [file.relative_to(ROOT).as_posix() for file in tracked_files()]
    assert [name for name in names if MODULES_IN_A_CONTAINER.fullmatch(name)] == []
