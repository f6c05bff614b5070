"""An operator of another version, as its image: it writes pods in another form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator.desired.children import RENDERER
from cloudflow_operator.desired.pods import GRACE_SECONDS
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform

MORE_SECONDS: Final = 1
"""How much longer its pods may take to end."""
_CHANGES: Final = {
    "children.py": (
        f'RENDERER: Final = "{RENDERER}"',
        f'RENDERER: Final = "{RENDERER}, and another"',
    ),
    "pods.py": (
        f"GRACE_SECONDS: Final = {GRACE_SECONDS}",
        f"GRACE_SECONDS: Final = {GRACE_SECONDS + MORE_SECONDS}",
    ),
}
# What is compiled is never compared with its source.
_RECIPE: Final = """\
FROM {image}
USER 0
COPY *.py /
RUN cd "$(python -c 'import cloudflow_operator.desired as it; print(*it.__path__)')" \
    && rm __pycache__/children.* __pycache__/pods.* && mv /children.py /pods.py .
USER 10001:10001
"""


def another_operator(platform: Platform, folder: Path) -> str:
    """Make its image of the one that is installed; the digest in the same repository."""
    context = folder / "another-operator"
    context.mkdir()
    for name, (old, new) in _CHANGES.items():
        text = (ROOT / "operator" / "cloudflow_operator" / "desired" / name).read_text()
        assert text.count(f"{old}\n") == 1, f"{name} is not written as it is here"
        (context / name).write_text(text.replace(old, new))
    repository = platform.values["image.repository"]
    recipe = context / "Dockerfile"
    recipe.write_text(_RECIPE.format(image=f"{repository}:tests"))
    tag = f"{repository}:another"
    platform.builder("build", "--file", recipe, "--tag", tag, context)
    return platform.pushed(tag)
