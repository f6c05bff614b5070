"""The Dockerfile of a project, for people to read and to take over.

Pure. What changes seldom comes first: a change of code builds the last layers only. Everything
that is made has content that depends on its sources alone, so the same source is the same image.
"""

from __future__ import annotations

from typing import Final

NAME: Final = "Dockerfile"
USER: Final = 10001  # nobody's number on a usual base; the restricted profile wants one above 0

_TEXT: Final = """\
# The image of a Cloudflow application: its streamlets, what they need, nothing else.
#
# `kubectl cloudflow build` makes the context, target/image:
#
#   source/           the streamlets
#   requirements.txt  what they need
{wheels}#   project/          the whole project without hidden files, if this file is the project's
#
# `kubectl cloudflow build --emit-dockerfile` puts this file beside pyproject.toml, to be changed.

ARG BASE={base}

# What changes seldom comes first. pip stays in this stage.
FROM ${{BASE}} AS dependencies
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /app/python
WORKDIR /context
{index}COPY requirements.txt ./
{copy_wheels}RUN /opt/pip/bin/python -m pip --python /app/python/bin/python install \\
    --disable-pip-version-check --no-cache-dir --no-compile \\
    {options}--requirement requirements.txt
# Compiled without times and in one order of hashes: the same packages give the same files. What
# does not compile matters only to who imports it.
RUN PYTHONHASHSEED=0 /app/python/bin/python -m compileall -qq \\
    --invalidation-mode unchecked-hash /app/python || true

FROM dependencies AS code
COPY source /app/source
RUN PYTHONHASHSEED=0 /app/python/bin/python -m compileall -qq \\
    --invalidation-mode unchecked-hash /app/source || true

FROM ${{BASE}}
COPY --from=dependencies /app/python /app/python
COPY --from=code /app/source /app/source
ENV PATH=/app/python/bin:$PATH \\
    PYTHONPATH=/app/source \\
    PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONUNBUFFERED=1
WORKDIR /app
USER {user}:{user}
CMD ["python", "-m", "streamlet_sdk.runtime"]
"""

_INDEX: Final = """\
# Given by the environment of `build`; they are in no layer of the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
"""


def dockerfile(*, base: str, with_wheels: bool, with_index: bool) -> str:
    """The text of a Dockerfile.

    Args:
        base: the image that everything is put on; Python with venv, and nothing else is needed.
        with_wheels: install from `wheels/` of the context.
        with_index: ask the package index, for what is not in `wheels/` if that is there.
    """
    options = ("" if with_index else "--no-index ") + ("--find-links wheels " * with_wheels)
    return _TEXT.format(
        base=base,
        user=USER,
        wheels="#   wheels/           where that comes from\n" if with_wheels else "",
        index=_INDEX if with_index else "",
        copy_wheels="COPY wheels ./wheels\n" if with_wheels else "",
        options=options,
    )
