"""From a verified project to an image that a registry has, for `kubectl cloudflow build`.

In the order in which a project passes through:

    settings       what `[tool.cloudflow.image]` says                → `ImageSettings`
    requirements   what has to be installed, locked where it is      → `requirements.txt`
    dockerfile     how it is put together                            → `Dockerfile`
    staging        all of it in one folder, with nothing else        → `target/image`
    workshop       docker, podman or buildah, run and explained      → image, digest
    building       all of them in order                              → `Built`
"""
