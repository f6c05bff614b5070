"""The examples of the page about blueprints are what it says they are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import yaml

from streamlet_sdk.blueprint.configuration import configure
from streamlet_sdk.blueprint.describe import describe_classes
from streamlet_sdk.blueprint.document import parse
from streamlet_sdk.blueprint.layers import Layer
from streamlet_sdk.blueprint.verify import verify
from support.documents import code_blocks
from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "concepts" / "blueprint.md"


def test_the_example_verifies_and_is_configured(tmp_path: Path) -> None:
    (code,) = code_blocks(PAGE, "python")
    blueprint, configuration = map(yaml.safe_load, code_blocks(PAGE, "yaml"))
    (tmp_path / "turbines.py").write_text(code, "utf-8")
    written = parse(blueprint)
    names = [one.class_name for one in written.streamlets.values() if one.class_name]
    application = verify(written, *describe_classes(names, tmp_path))
    assert application.warnings == ()
    configured = configure(application, [Layer("local.yaml", configuration)])
    validation = configured.application.streamlets["validation"]
    assert (validation.replicas, validation.parameters) == (3, {"floor": "2.0"})
    settings = configured.pods["validation"].settings
    assert settings.commit_interval == timedelta(milliseconds=500)
