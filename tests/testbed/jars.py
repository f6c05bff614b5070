"""Apache Kafka's jars, from Maven Central; `testbed.kafka` runs them.

They are kept outside of the clone, by version.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from testbed.keeping import cache, making

MAVEN_SECONDS = 600
POM = Path(__file__).with_name("kafka-pom.xml")


class KafkaUnavailableError(Exception):
    """No broker can be started here; the message says what is missing."""


def jars() -> Path:
    """The folder with the broker's jars; fetches them once for each version of the POM.

    Raises:
        KafkaUnavailableError: when Java or Maven is missing, or Maven cannot fetch them.
    """
    if shutil.which("java") is None:
        raise KafkaUnavailableError("there is no java (apt-get install openjdk-17-jre-headless)")
    folder = cache() / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    with making(folder) as is_missing:
        if is_missing:
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise KafkaUnavailableError("there is no mvn to fetch Kafka with (apt-get install maven)")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as work:
        shutil.copy(POM, Path(work, "pom.xml"))
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        fetched = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False
        )
        if fetched.returncode:
            raise KafkaUnavailableError(f"Maven could not fetch Kafka: {fetched.stdout[-500:]}")
        Path(work, "lib").rename(folder)
