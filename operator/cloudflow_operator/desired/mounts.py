"""Where everything is mounted in a streamlet's pod; the SDK's side is `runtime.pod.files`.

Nothing is mounted inside another volume, for a read-only one could not hold it.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from streamlet_sdk.runtime.pod.files import FOLDER

CONFIGURATION: Final = "streamlet.json"
"""The key of the ConfigMap, and the file's name in `FOLDER`."""
SECRETS: Final = "secrets"
"""The folder in `FOLDER` with a file for each parameter whose value is in another object."""
SCRATCH: Final = str(PurePosixPath("/", "tmp"))
"""Where a process may write though its root is read-only; gone with the pod."""


def kafka_folder(cluster: str) -> str:
    """The folder with the client properties of a Kafka cluster."""
    return str(FOLDER / "kafka" / cluster)


def kafka_key(cluster: str, name: str) -> str:
    """The key in the ConfigMap of a client property that is no secret."""
    return f"kafka.{cluster}.{name}"


def secret_file(parameter: str) -> str:
    """The file of a parameter, as the streamlet's configuration names it: below `FOLDER`."""
    return f"{SECRETS}/{parameter}"


def hidden(mount_path: str) -> str | None:
    """What of the platform's a volume at `mount_path` would hide, if anything."""
    path = PurePosixPath(mount_path)
    folder = PurePosixPath(FOLDER)
    if path == folder or path in folder.parents or folder in path.parents:
        return str(FOLDER)
    return SCRATCH if path == PurePosixPath(SCRATCH) else None
