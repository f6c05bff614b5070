"""Writes what the chart has from elsewhere, or checks that it is as written.

`make chart` runs it; `make check` runs it with `--check`. The definition comes from `crds/`, rules
of roles from `rights.py`, the dashboard and the alerts from `docs/monitoring/`; the schema of
values and the chart's README come from `values.yaml` and the operator's settings. It renders no
template.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from cloudflow_operator.names import kafka_secret
from cloudflow_operator.rights import APPLICATIONS, OWN, copies
from cloudflow_operator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cloudflow_operator.rights import Rule

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "helm" / "cloudflow-operator"
CRD: Final = ROOT / "crds" / "cloudflowapplications.yaml"
MONITORING: Final = ROOT / "docs" / "monitoring"
MADE: Final = "Made by `make chart`; do not edit."
SETTINGS: Final = "settings."
ANY: Final = "ANY-CLUSTER"
KEY: Final = re.compile(r"(?P<indent> *)(?P<name>[\w.-]+):")
COMMENT: Final = re.compile(r" *# -- (?P<text>.*)")

Node = dict[str, Any]

ABOUT: Final = """\
Installs the operator of Cloudflow applications. How it is installed, upgraded and removed is told
in [docs/installing.md](../../docs/installing.md)."""
TEXTS: Final[Node] = {"type": "object", "additionalProperties": {"type": "string"}}
NAMESPACES: Final[Node] = {
    "type": "array",
    "uniqueItems": True,
    "items": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
}
DURATION: Final[Node] = {"type": "string", "pattern": r"^PT([0-9]+(\.[0-9]+)?[HMS])+$"}
INTERVAL: Final[Node] = {"type": "string", "pattern": "^([0-9]+(ms|[smh]))+$"}
CLUSTER: Final[Node] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "properties": {
            "description": "Client properties by Kafka's names, and files in PEM that some name.",
            "type": "object",
            "propertyNames": {"pattern": "^[-._a-zA-Z0-9]+$"},
            "additionalProperties": {"type": "string"},
        },
        "partitions": {
            "description": "How many a topic has that does not say.",
            "type": "integer",
            "minimum": 1,
            "maximum": 100_000,
        },
        "replicationFactor": {
            "description": "How many copies a topic has that does not say.",
            "type": "integer",
            "minimum": 1,
            "maximum": 32_767,
        },
        "namePrefix": {
            "description": "What stands before names of topics and groups.",
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{0,100}$",
        },
        "allowedNamespaces": {
            "description": "Namespaces that may have a copy of the operator's own credentials.",
            **NAMESPACES,
        },
        "existingSecret": {
            "description": "A Secret of the operator's namespace that says all of this instead; "
            "the notes after the installation show how it is labelled.",
            "type": "string",
            "minLength": 1,
        },
    },
}
SHAPES: Final[dict[str, Node]] = {
    "affinity": {"type": "object"},
    "alerts.labels": TEXTS,
    "annotations": TEXTS,
    "dashboard.annotations": TEXTS,
    "dashboard.labels": TEXTS,
    "image.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.repository": {"type": "string", "minLength": 1},
    "kafkaClusters": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
        "additionalProperties": CLUSTER,
    },
    "labels": TEXTS,
    "metrics.podMonitor.interval": INTERVAL,
    "metrics.podMonitor.labels": TEXTS,
    "metrics.serviceMonitor.interval": INTERVAL,
    "metrics.serviceMonitor.labels": TEXTS,
    "metrics.streamlets.interval": INTERVAL,
    "metrics.streamlets.labels": TEXTS,
    "nodeSelector": TEXTS,
    "podAnnotations": TEXTS,
    "podLabels": TEXTS,
    "replicas": {"type": "integer", "minimum": 0},
    "serviceAccount.annotations": TEXTS,
    "serviceAccount.name": {"type": "string", "minLength": 1},
    "watchNamespaces": NAMESPACES,
}
"""What values can be, where the default does not say it."""


class Value(NamedTuple):
    """What can be set.

    Attributes:
        path: with dots.
        text: what it is.
        default: as `values.yaml` has it.
    """

    path: str
    text: str
    default: Any

    def schema(self) -> Node:
        """What it can be, in JSON Schema."""
        return {"description": self.text, "default": self.default, **self._shape()}

    def _shape(self) -> Node:
        if self.path.startswith(SETTINGS):
            return of_settings(self.path.removeprefix(SETTINGS))
        if self.path in SHAPES:
            return SHAPES[self.path]
        match self.default:
            case bool():
                return {"type": "boolean"}
            case str():
                return {"type": "string"}
            case dict():
                return {"type": "object"}
            case _:
                return {"type": "array", "items": {"type": "object"}}


def of_settings(name: str) -> Node:
    """What a setting of the operator can be, by its name here."""
    found = Settings.model_json_schema()["properties"][field(name)]
    if found.get("format") == "duration":
        return DURATION
    shape = {key: found[key] for key in ("type", "enum", "minimum", "maximum") if key in found}
    return {**shape, "minimum": 1} if name == "port" else shape  # a probe has to know it


def field(name: str) -> str:
    """What the operator calls a setting."""
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)


def values() -> list[Value]:
    """All that has a comment with `--` in `values.yaml`, in its order."""
    text = CHART.joinpath("values.yaml").read_text("utf-8")
    document = yaml.safe_load(text)
    return [Value(path, said, _at(document, path)) for path, said in _commented(text)]


def _commented(text: str) -> Iterator[tuple[str, str]]:
    place: list[str] = []
    said = ""
    for line in text.splitlines():
        if comment := COMMENT.fullmatch(line):
            said = comment["text"]
        elif key := KEY.match(line):
            place = [*place[: len(key["indent"]) // 2], key["name"]]
            if said:
                yield ".".join(place), said
            said = ""


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


def schema() -> str:
    """`values.schema.json`."""
    # Helm gives `global` to a chart that another one depends on.
    root: Node = {"$schema": "http://json-schema.org/draft-07/schema#", **_section()}
    root["properties"]["global"] = {"type": "object"}
    for value in values():
        *sections, name = value.path.split(".")
        node = root
        for section in sections:
            node = node["properties"].setdefault(section, _section())
        node["properties"][name] = value.schema()
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


def _section() -> Node:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def readme() -> str:
    """`README.md` of the chart."""
    rows = [
        (f"`{value.path}`", f"`{json.dumps(value.default, ensure_ascii=False)}`", value.text)
        for value in values()
    ]
    parts = [
        f"<!-- {MADE} -->",
        "# cloudflow-operator",
        ABOUT,
        "## Values",
        _table(("value", "default", "meaning"), rows),
        "## A Kafka cluster",
        "Each entry of `kafkaClusters` becomes a Secret that the operator reads, or names one:",
        _table(
            ("key", "meaning"),
            [(f"`{key}`", node["description"]) for key, node in CLUSTER["properties"].items()],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def rights() -> str:
    """The rules of roles as named templates."""
    of_copies = _rules(copies([ANY])).replace(
        f"  - {kafka_secret(ANY)}",
        f"  {{{{- range . }}}}\n  - {kafka_secret('{{ . }}')}\n  {{{{- end }}}}",
    )
    named = {"applications": _rules(APPLICATIONS), "copies": of_copies, "own": _rules(OWN)}
    parts = [f"{{{{/* {MADE} `rights.py` says what is granted. */}}}}"]
    for name, text in named.items():
        parts.append(f'{{{{- define "cloudflow-operator.rules.{name}" -}}}}\n{text}{{{{- end }}}}')
    return "\n\n".join(parts) + "\n"


def _rules(rules: Iterable[Rule]) -> str:
    return "".join(
        f"# {rule.why}\n{yaml.safe_dump([rule.as_document()], sort_keys=False)}" for rule in rules
    )


def definition() -> str:
    """The definition as a template: Helm upgrades no file of a chart's `crds/`."""
    kept = (
        "metadata:\n  annotations:\n    # Without it, all applications would go with the chart.\n"
    )
    kept += "    helm.sh/resource-policy: keep\n"
    text = CRD.read_text("utf-8").split("\n", 1)[1].replace("metadata:\n", kept, 1)
    assert "{{" not in text
    return f"# {MADE}\n{{{{- if .Values.crd.install }}}}\n{text}{{{{- end }}}}\n"


def files() -> dict[Path, str]:
    """All that is generated, by where it is in the chart."""
    made = {
        "README.md": readme(),
        "files/alerts.yaml": MONITORING.joinpath("alerts.yaml").read_text("utf-8"),
        "files/dashboard.json": MONITORING.joinpath("dashboard.json").read_text("utf-8"),
        "templates/_rights.tpl": rights(),
        "templates/definition.yaml": definition(),
        "values.schema.json": schema(),
    }
    return {CHART / name: text for name, text in made.items()}


def main() -> int:
    """Write or check every file; the exit status is 1 when a checked one differs."""
    parser = argparse.ArgumentParser(description="Write or check what the chart has.")
    parser.add_argument("--check", action="store_true", help="write nothing, name what differs")
    check = parser.parse_args().check
    stale = {
        path: text
        for path, text in files().items()
        if not path.exists() or path.read_text("utf-8") != text
    }
    for path, text in stale.items():
        name = path.relative_to(ROOT)
        if check:
            sys.stderr.write(f"{name} is not what its sources say: run `make chart`\n")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
