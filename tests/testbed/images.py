"""Images that come from no registry: a Python on Debian, and what holds a pod's namespaces.

Each is an archive in OCI's layout that `skopeo` copies and `ctr` imports, kept outside of the clone
by the recipe that made it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.keeping import cache, making
from testbed.machine import run
from testbed.packages import NodeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAUSE = "localhost/cloudflow-pause:1"
BASE = "cloudflow-test/python:3"
RELEASE = "bookworm"
# As an official slim image has it: pip may install what it is told, and `python` is there.
RECIPE = (
    *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar"),
    "--include=python3,python3-pip,python3-venv,ca-certificates",
    *(f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "man", "locale")),
    '--customize-hook=rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
    '--customize-hook=ln -s python3 "$1"/usr/bin/python',
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIG = {"Env": [f"PATH={PATH}", "LANG=C.UTF-8"], "Cmd": ["python3"]}
HISTORY = [{"created_by": "a test bed"}]  # one entry a layer: buildah puts others only on such
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
OCI = "application/vnd.oci.image"
CHUNK = 1 << 20


def base() -> Path:
    """The archive of an image with Python and pip; makes it once, which takes half a minute.

    Raises:
        NodeUnavailableError: when Debian's packages cannot be had.
    """

    def make(rootfs: Path) -> None:
        run(*RECIPE, RELEASE, str(rootfs))

    return _kept("python", repr((RECIPE, RELEASE, CONFIG, HISTORY)), make, CONFIG, BASE)


def pause() -> Path:
    """The archive of the image of which every pod has one container that does nothing."""

    def make(rootfs: Path) -> None:
        found = shutil.which("catatonit")
        if found is None:
            raise NodeUnavailableError("there is no catatonit")
        with tarfile.open(rootfs, "w") as made:
            made.add(Path(found).resolve(), "pause")

    return _kept("pause", repr((PAUSE, HISTORY)), make, {"Entrypoint": ["/pause", "-P"]}, PAUSE)


def _kept(
    kind: str,
    recipe: str,
    make: Callable[[Path], None],
    config: Mapping[str, Any],
    name: str,
) -> Path:
    folder = cache()
    path = folder / f"{kind}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.tar"
    with making(path) as is_missing:
        if is_missing:
            with tempfile.TemporaryDirectory(dir=folder, prefix="making-") as work:
                rootfs = Path(work, "rootfs.tar")
                make(rootfs)
                _archive(Path(work, "image.tar"), rootfs, config, name)
                Path(work, "image.tar").rename(path)
    return path


def _archive(target: Path, rootfs: Path, config: Mapping[str, Any], name: str) -> None:
    """Write an image with one layer, `rootfs`, and no more than `config` about how it runs."""
    layer = rootfs.with_suffix(".gz")
    plain = _compressed(rootfs, layer)
    machine = platform.machine()
    about = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [plain]},
        "history": HISTORY,
    }
    with tarfile.open(target, "w") as made:
        entry = {**_file(made, layer), "mediaType": f"{OCI}.layer.v1.tar+gzip"}
        settings = {**_json(made, about), "mediaType": f"{OCI}.config.v1+json"}
        manifest = {"schemaVersion": 2, "config": settings, "layers": [entry]}
        image = {
            **_json(made, manifest),
            "mediaType": f"{OCI}.manifest.v1+json",
            "annotations": {
                "io.containerd.image.name": name,
                "org.opencontainers.image.ref.name": name.rpartition(":")[2],
            },
        }
        _add(made, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        _add(made, "index.json", json.dumps({"schemaVersion": 2, "manifests": [image]}).encode())


def _compressed(source: Path, target: Path) -> str:
    """Compress it; the digest of what it was."""
    digest = hashlib.sha256()
    with (
        source.open("rb") as plain,
        target.open("wb") as file,
        gzip.GzipFile("", "wb", 3, file, mtime=0) as packed,
    ):
        while chunk := plain.read(CHUNK):
            digest.update(chunk)
            packed.write(chunk)
    return f"sha256:{digest.hexdigest()}"


def _file(archive: tarfile.TarFile, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    archive.add(path, f"blobs/sha256/{digest}")
    return {"digest": f"sha256:{digest}", "size": path.stat().st_size}


def _json(archive: tarfile.TarFile, value: Mapping[str, Any]) -> dict[str, Any]:
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    _add(archive, f"blobs/sha256/{digest}", data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
