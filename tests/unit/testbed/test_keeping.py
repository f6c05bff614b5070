from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from testbed.keeping import making

if TYPE_CHECKING:
    from pathlib import Path


def test_of_many_that_want_it_one_makes_it(tmp_path: Path) -> None:
    kept = tmp_path / "cache" / "jars"
    everybody = Barrier(8)

    def want(_: int) -> bool:
        everybody.wait()
        with making(kept) as is_missing:
            if is_missing:
                kept.mkdir()
            return is_missing

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(want, range(8))) == 1


def test_when_one_fails_the_next_may_try(tmp_path: Path) -> None:
    kept = tmp_path / "jars"
    with pytest.raises(OSError, match="no network"), making(kept):
        raise OSError("no network")
    with making(kept) as is_missing:
        assert is_missing
