# The image of a Cloudflow application: its streamlets, what they need, nothing else.
#
# `kubectl cloudflow build` makes the context, target/image:
#
#   source/           the streamlets
#   requirements.txt  what they need
#   project/          the whole project without hidden files, if this file is the project's
#
# `kubectl cloudflow build --emit-dockerfile` puts this file beside pyproject.toml, to be changed.

ARG BASE=docker.io/library/python:3.13-slim

# What changes seldom comes first. pip stays in this stage.
FROM ${BASE} AS dependencies
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /app/python
WORKDIR /context
# Given by the environment of `build`; they are in no layer of the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY requirements.txt ./
RUN /opt/pip/bin/python -m pip --python /app/python/bin/python install \
    --disable-pip-version-check --no-cache-dir --no-compile \
    --requirement requirements.txt
# Compiled without times and in one order of hashes: the same packages give the same files. What
# does not compile matters only to who imports it.
RUN PYTHONHASHSEED=0 /app/python/bin/python -m compileall -qq \
    --invalidation-mode unchecked-hash /app/python || true

FROM dependencies AS code
COPY source /app/source
RUN PYTHONHASHSEED=0 /app/python/bin/python -m compileall -qq \
    --invalidation-mode unchecked-hash /app/source || true

FROM ${BASE}
COPY --from=dependencies /app/python /app/python
COPY --from=code /app/source /app/source
ENV PATH=/app/python/bin:$PATH \
    PYTHONPATH=/app/source \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
CMD ["python", "-m", "streamlet_sdk.runtime"]
