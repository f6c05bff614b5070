"""Apache Kafka's jars, from Maven Central; `testbed.kafka` runs them.

They are kept outside of the clone, by version.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

MAVEN_SECONDS = 600
POM = Path(__file__).with_name("kafka-pom.xml")


class KafkaUnavailableError(Exception):
    """No broker can be started here; the message says what is missing."""


def cache() -> Path:
    """Where jars are kept between runs."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "cloudflow-testbed"


def jars() -> Path:
    """The folder with the broker's jars; fetches them once for each version of the POM.

    Raises:
        KafkaUnavailableError: when Java or Maven is missing, or Maven cannot fetch them.
    """
    if shutil.which("java") is None:
        raise KafkaUnavailableError("there is no java (apt-get install openjdk-17-jre-headless)")
    folder = cache() / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        raise KafkaUnavailableError("there is no mvn to fetch Kafka with (apt-get install maven)")
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix="fetching-") as work:
        shutil.copy(POM, Path(work, "pom.xml"))
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        fetched = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False
        )
        if fetched.returncode:
            raise KafkaUnavailableError(f"Maven could not fetch Kafka: {fetched.stdout[-500:]}")
        # Whoever fetched it at the same time has the same files.
        with contextlib.suppress(OSError):
            Path(work, "lib").rename(folder)
    return folder
