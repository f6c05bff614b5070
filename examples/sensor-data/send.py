"""Posts the records of JSON files, one by one: python send.py [--url URL] FILE…

A file holds one record, an array of them, or one per line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ACCEPTED = 202


def main() -> int:
    """Send everything; 0 when every record was accepted."""
    parser = argparse.ArgumentParser(description="Post the records of JSON files, one by one.")
    parser.add_argument("--url", default="http://localhost:3000/", help="where to post")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    given = parser.parse_args()
    answers: Counter[int] = Counter()
    connection = HTTPConnection(urlsplit(given.url).netloc)
    for file in given.files:
        for record in records(file.read_text("utf-8")):
            status, text = post(connection, urlsplit(given.url).path or "/", record)
            answers[status] += 1
            if status != ACCEPTED:
                sys.stderr.write(f"{file.name}: {status} {text}\n")
    connection.close()
    for status, count in sorted(answers.items()):
        sys.stdout.write(f"{status}: {count}\n")
    return 0 if set(answers) <= {ACCEPTED} else 1


def records(text: str) -> Iterator[Any]:
    """The records in the text of a file."""
    try:
        value = json.loads(text)
    except ValueError:
        yield from map(json.loads, text.splitlines())
        return
    yield from value if isinstance(value, list) else [value]


def post(connection: HTTPConnection, path: str, record: object) -> tuple[int, str]:
    """The status and text of the answer to one record."""
    connection.request("POST", path, json.dumps(record), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


if __name__ == "__main__":
    sys.exit(main())
