"""What the watches know of applications' children, small in memory; and the cluster that reads it.

Reconciling asks `CachedCluster` as it would ask the API server. Objects are kept packed, for most
are never looked at again. What was written here is known at once, before its event comes.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cloudflow_operator.interfaces import CHILDREN, POD, REPLICA_SET, Key, Kind
from cloudflow_operator.names import APPLICATION
from cloudflow_operator.watching import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from cloudflow_operator.interfaces import Cluster, Manifest
    from cloudflow_operator.watching import Target

KINDS: Final = (*CHILDREN, REPLICA_SET, POD)
"""The kinds to watch."""
_BY_NAME: Final = {kind.name: kind for kind in KINDS}
# The fastest; what counts is how alike the objects of a kind are, not how hard one looks.
_LEVEL: Final = 1
# More than can go while one answer is on its way.
_ENDS: Final = 4096


class _Entry(NamedTuple):
    """An object as it was at a version."""

    version: int
    application: str
    data: bytes


class Children:
    """The children of all applications; a `watching.Listener` for `KINDS`.

    Higher versions win, whoever tells them.
    """

    def __init__(self, changed: Callable[[str, str], None]) -> None:
        """Know nothing; `changed` is told namespace and application of what others changed."""
        self._changed = changed
        self._entries: dict[Kind, dict[Place, _Entry]] = {kind: {} for kind in KINDS}
        self._of: dict[Place, set[Key]] = {}
        # Which version an object had when it went. What is told of it later and was so before,
        # by an answer to a write or by a watch, must not bring it back.
        self._ends: dict[tuple[Kind, Place], int] = {}
        # The first object of each kind, which says most of what all others say.
        self._samples: dict[Kind, bytes] = {}

    def of(self, namespace: str, application: str) -> list[Manifest]:
        """The children of an application; they may be changed."""
        keys = self._of.get(Place(namespace, application), ())
        entries = ((key.kind, self._entries[key.kind][Place(namespace, key.name)]) for key in keys)
        return [self._unpacked(kind, entry) for kind, entry in entries]

    def put(self, kind: Kind, manifest: Manifest) -> None:
        """What a watch tells."""
        self._tell(place_of(manifest).namespace, self._stored(kind, manifest))

    def remove(self, kind: Kind, manifest: Manifest) -> None:
        """What a watch tells."""
        place, version = place_of(manifest), _version(manifest)
        known = self._entries[kind].get(place)
        if known is not None and known.version > version:
            return
        self._end(kind, place, version)
        if known is not None:
            self._forget(kind, place)
            self._tell(place.namespace, {known.application})

    def keep(self, target: Target, there: AbstractSet[Place], version: str) -> None:
        """What a watch tells."""
        gone = [
            place
            for place, entry in self._entries[target.kind].items()
            if target.namespace in {None, place.namespace}
            and place not in there
            and entry.version <= int(version)
        ]
        for place in gone:
            entry = self._forget(target.kind, place)
            self._end(target.kind, place, int(version))
            self._tell(place.namespace, {entry.application})

    def written(self, manifest: Manifest) -> None:
        """An object that was written here; nobody is told."""
        kind = _BY_NAME.get(manifest["kind"])
        if kind is not None:
            self._stored(kind, manifest)

    def deleted(self, key: Key, namespace: str, uid: str) -> None:
        """An object that was deleted here; nobody is told.

        If something keeps it from going, the watch will tell that it is still there.
        """
        place = Place(namespace, key.name)
        known = self._entries[key.kind].get(place)
        if known is not None and self._unpacked(key.kind, known)["metadata"]["uid"] == uid:
            self._forget(key.kind, place)
            self._end(key.kind, place, known.version)

    def _stored(self, kind: Kind, manifest: Manifest) -> set[str]:
        """Store what is newer; the applications for which that is something new."""
        place, version = place_of(manifest), _version(manifest)
        application = (manifest["metadata"].get("labels") or {}).get(APPLICATION)
        known = self._entries[kind].get(place)
        if version <= (self._ends.get((kind, place), 0) if known is None else known.version):
            return set()
        concerned = {known.application} if known is not None else set[str]()
        if known is not None and known.application != application:
            self._forget(kind, place)
        if application is None:
            return concerned
        data = self._packed(kind, manifest)
        self._entries[kind][place] = _Entry(version, application, data)
        owner = Place(place.namespace, application)
        self._of.setdefault(owner, set()).add(Key(kind, place.name))
        return {*concerned, application}

    def _forget(self, kind: Kind, place: Place) -> _Entry:
        entry = self._entries[kind].pop(place)
        owner = Place(place.namespace, entry.application)
        keys = self._of[owner]
        keys.discard(Key(kind, place.name))
        if not keys:
            del self._of[owner]
        return entry

    def _end(self, kind: Kind, place: Place, version: int) -> None:
        self._ends.pop((kind, place), None)  # the last to end is the last to be forgotten
        self._ends[kind, place] = version
        if len(self._ends) > _ENDS:
            del self._ends[next(iter(self._ends))]

    def _packed(self, kind: Kind, manifest: Manifest) -> bytes:
        # In a list none says what it is.
        named = {**manifest, "apiVersion": kind.api_version, "kind": kind.name}
        data = json.dumps(named, separators=(",", ":")).encode()
        sample = self._samples.setdefault(kind, data)
        packer = zlib.compressobj(_LEVEL, zdict=sample)
        return packer.compress(data) + packer.flush()

    def _unpacked(self, kind: Kind, entry: _Entry) -> Manifest:
        packer = zlib.decompressobj(zdict=self._samples[kind])
        manifest: Manifest = json.loads(packer.decompress(entry.data))
        return manifest

    def _tell(self, namespace: str, applications: AbstractSet[str]) -> None:
        for application in applications:
            self._changed(namespace, application)


class CachedCluster:
    """A `Cluster` that reads children from memory, and everything else from another one."""

    def __init__(
        self, cluster: Cluster, children: Children, told: Callable[[Manifest, Manifest], None]
    ) -> None:
        """Ask nothing yet.

        Args:
            cluster: what is asked and written.
            children: what is read of it.
            told: is told each application as it was read, and as it is with its new status.
        """
        self._cluster = cluster
        self._children = children
        self._told = told

    async def children(self, namespace: str, application: str) -> Sequence[Manifest]:
        """The children, as the watches last told or as they were last written here."""
        return self._children.of(namespace, application)

    async def read(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """One object, as it is."""
        return await self._cluster.read(kind, namespace, name)

    async def apply(self, manifest: Manifest, *, manager: str, force: bool = True) -> Manifest:
        """Apply, and know it."""
        made = await self._cluster.apply(manifest, manager=manager, force=force)
        self._children.written(made)
        return made

    async def make(self, manifest: Manifest, *, manager: str) -> Manifest:
        """Make, and know it."""
        made = await self._cluster.make(manifest, manager=manager)
        self._children.written(made)
        return made

    async def delete(self, key: Key, namespace: str, *, uid: str) -> None:
        """Delete, and know it."""
        await self._cluster.delete(key, namespace, uid=uid)
        self._children.deleted(key, namespace, uid)

    async def applications(self) -> Sequence[Manifest]:
        """All applications."""
        return await self._cluster.applications()

    async def set_finalizers(self, application: Manifest, finalizers: Sequence[str]) -> None:
        """Replace the finalizers of an application."""
        await self._cluster.set_finalizers(application, finalizers)

    async def write_status(self, application: Manifest, status: Mapping[str, Any]) -> Manifest:
        """Replace the status of an application, and say so."""
        written = await self._cluster.write_status(application, status)
        self._told(application, written)
        return written

    async def event(
        self, application: Manifest, *, reason: str, message: str, is_warning: bool
    ) -> None:
        """Tell people."""
        await self._cluster.event(
            application, reason=reason, message=message, is_warning=is_warning
        )


def _version(manifest: Manifest) -> int:
    return int(manifest["metadata"]["resourceVersion"])
