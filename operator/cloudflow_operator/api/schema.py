"""Makes `crds/` of the types: `python -m cloudflow_operator.api.schema [--check]`.

pydantic's JSON Schema becomes the structural form that Kubernetes wants: references inlined, no
alternatives with null, no defaults (the operator has them, so that nothing shows up in a diff; the
descriptions tell).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from cloudflow_operator.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION, Spec, Status

FILE: Final = Path(__file__).parents[3] / "crds" / f"{PLURAL}.yaml"
HEADER: Final = (
    "# Made of operator/cloudflow_operator/api/v1alpha1.py by `make crds`; do not edit.\n"
)
_DROPPED: Final = frozenset({"title", "default", "$defs", "discriminator"})
_NAME: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"

COLUMNS: Final = (
    ("Phase", "string", ".status.phase", 0),
    ("Ready", "string", ".status.ready", 0),
    ("Version", "string", ".spec.version", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Message", "string", ".status.message", 1),
)


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema of pydantic's as a structural schema."""
    made = _structural(schema, schema.get("$defs", {}))
    assert isinstance(made, dict)
    return made


def _structural(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_structural(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    node = _without_null(node)
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        # What stands beside the reference speaks of the field, not of its type.
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        return _structural(node, definitions)
    made = {
        key: (
            {name: _structural(each, definitions) for name, each in value.items()}
            if key == "properties"
            else value
            if key == "x-kubernetes-validations"
            else _structural(value, definitions)
        )
        for key, value in node.items()
        if key not in _DROPPED
    }
    return _free(_with_default(made, node.get("default")))


def _with_default(node: dict[str, Any], default: object) -> dict[str, Any]:
    """A description that says what absent means, where that is a value and not "nothing"."""
    if isinstance(default, list | dict) or default in {None, ""} or "description" not in node:
        return node
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return {**node, "description": f"{node['description']} Default: {text}."}


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """An optional field is one that may be absent; null says nothing more."""
    options = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
    if len(options) != 1:
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**options[0], **rest}


def _free(node: dict[str, Any]) -> dict[str, Any]:
    """An object of any content keeps what it is given."""
    if node.get("additionalProperties") is not True:
        return node
    kept = {key: value for key, value in node.items() if key != "additionalProperties"}
    return {**kept, "x-kubernetes-preserve-unknown-fields": True}


def definition() -> dict[str, Any]:
    """The CustomResourceDefinition as a manifest."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["cfa"],
                "categories": ["cloudflow"],
            },
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": type_, "jsonPath": path, "priority": priority}
            for name, type_, path, priority in COLUMNS
        ],
        "schema": {"openAPIV3Schema": _root()},
    }


def _root() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "An application of streamlets, wired by topics.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(Spec.model_json_schema(by_alias=True)),
            "status": structural(Status.model_json_schema(by_alias=True)),
        },
        "x-kubernetes-validations": [
            {
                "rule": f"self.metadata.name.size() <= 63 && self.metadata.name.matches('{_NAME}')",
                "message": "an application's name has at most 63 characters, lower case letters, "
                "digits and dashes, and begins with a letter",
            }
        ],
    }


def text() -> str:
    """The file in `crds/`."""
    return HEADER + yaml.safe_dump(definition(), sort_keys=False, width=100)


def main() -> int:
    """Write the file, or with --check say whether it is what the types say."""
    parser = argparse.ArgumentParser(description="Write or check the CustomResourceDefinition.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    made = text()
    if FILE.exists() and FILE.read_text("utf-8") == made:
        return 0
    if check:
        sys.stderr.write(f"crds/{FILE.name} is not what the types say: run `make crds`\n")
        return 1
    FILE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
