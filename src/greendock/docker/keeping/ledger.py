"""The ledger of images: which id belongs to which component versions, and which we brought.

Durable, in the core's database; knows nothing of what the engine has now. Every method can be
repeated. Called by the image work, by clean-up and by whoever lists images. Raises DeviceError.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.base.database import Database
from greendock.docker.reference import ImageReference

_SCHEMA = """
CREATE TABLE IF NOT EXISTS image (
    image_id TEXT PRIMARY KEY,
    how TEXT NOT NULL,
    since REAL NOT NULL,
    size_bytes INTEGER NOT NULL,
    was_used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS image_name (
    name TEXT NOT NULL,
    image_id TEXT NOT NULL,
    PRIMARY KEY (name, image_id)
);
CREATE TABLE IF NOT EXISTS image_use (
    component TEXT NOT NULL,
    version TEXT NOT NULL,
    uri TEXT NOT NULL,
    name TEXT NOT NULL,
    image_id TEXT NOT NULL,
    digest TEXT,
    PRIMARY KEY (component, version, uri, image_id)
);
CREATE TABLE IF NOT EXISTS image_intent (
    name TEXT PRIMARY KEY,
    present_id TEXT,
    how TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS image_alias (
    name TEXT PRIMARY KEY,
    image_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS image_archive (
    component TEXT NOT NULL,
    version TEXT NOT NULL,
    uri TEXT NOT NULL,
    identity TEXT NOT NULL,
    images TEXT NOT NULL,
    PRIMARY KEY (component, version, uri)
);
CREATE TABLE IF NOT EXISTS image_load (
    component TEXT NOT NULL,
    version TEXT NOT NULL,
    uri TEXT NOT NULL,
    known_ids TEXT NOT NULL,
    PRIMARY KEY (component, version, uri)
);
CREATE TABLE IF NOT EXISTS image_tag_move (
    name TEXT PRIMARY KEY,
    old_id TEXT,
    new_id TEXT NOT NULL
);
"""


MADE = "made-here:"
"""Begins the URI of uses that no recipe lists: a component's script loaded or built the image."""


@dataclass(frozen=True, slots=True)
class ImageUse:
    """A component version needs an image. `uri` as in its recipe; `name` canonical."""

    component: str
    version: str
    uri: str
    name: str
    image_id: str
    digest: str | None = None

    @property
    def who(self) -> str:
        return f"{self.component} {self.version}"


@dataclass(frozen=True, slots=True)
class BroughtImage:
    """An image that is here because of us. `how`: pulled or loaded; `since`: epoch seconds."""

    image_id: str
    how: str
    since: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Intent:
    """A pull or load that began and is not known to have ended. `present_id`: what the name
    meant before."""

    name: str
    present_id: str | None
    how: str


@dataclass(frozen=True, slots=True)
class TagMove:
    """A tag that is to mean another image. `old_id` None: it meant none."""

    name: str
    old_id: str | None
    new_id: str


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Everything that clean-up decides from. `names`: those that we gave, by image id."""

    brought: tuple[BroughtImage, ...]
    names: dict[str, frozenset[str]]
    uses: tuple[ImageUse, ...]


class ImageLedger:
    """The tables of images in the core's database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.ensure_schema(_SCHEMA)

    def view(self) -> LedgerView:
        names: dict[str, set[str]] = {}
        for row in self._database.query("SELECT name, image_id FROM image_name"):
            names.setdefault(row["image_id"], set()).add(row["name"])
        return LedgerView(
            tuple(
                BroughtImage(row["image_id"], row["how"], row["since"], row["size_bytes"])
                for row in self._database.query("SELECT * FROM image ORDER BY since, image_id")
            ),
            {image_id: frozenset(found) for image_id, found in names.items()},
            self.uses(),
        )

    # -- where images come from

    def intend(self, name: str, present_id: str | None, how: str) -> None:
        """A pull or load of `name` is about to begin. An intent that is open stays as it is: what
        was there before the first try counts."""
        self._database.execute(
            "INSERT OR IGNORE INTO image_intent VALUES (?, ?, ?)", name, present_id, how
        )

    def intents(self) -> tuple[Intent, ...]:
        rows = self._database.query("SELECT * FROM image_intent ORDER BY name")
        return tuple(Intent(row["name"], row["present_id"], row["how"]) for row in rows)

    def arrived(self, name: str, image_id: str, size_bytes: int) -> None:
        """What `name` means after its pull or load: ours, unless it was there before."""
        with self._database.transaction():
            rows = self._database.query("SELECT * FROM image_intent WHERE name = ?", name)
            if rows and rows[0]["present_id"] != image_id:
                self._bring(image_id, rows[0]["how"], size_bytes)
            self._database.execute("DELETE FROM image_intent WHERE name = ?", name)
            self.named(name, image_id)

    def bring(self, image_id: str, how: str, size_bytes: int, names: Iterable[str]) -> None:
        """An image that we brought, under these names."""
        with self._database.transaction():
            self._bring(image_id, how, size_bytes)
            for name in names:
                self.named(name, image_id)

    def _bring(self, image_id: str, how: str, size_bytes: int) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO image (image_id, how, since, size_bytes) VALUES (?, ?, ?, ?)",
            image_id,
            how,
            self._clock.now(),
            size_bytes,
        )

    def named(self, name: str, image_id: str) -> None:
        """We gave the image this name."""
        self._database.execute("INSERT OR IGNORE INTO image_name VALUES (?, ?)", name, image_id)

    def waiting_since(self, seconds: float) -> frozenset[str]:
        """Images that were loaded less than `seconds` ago and that nothing has used yet."""
        rows = self._database.query(
            "SELECT image_id FROM image WHERE how = 'loaded' AND NOT was_used "
            "AND since BETWEEN ? AND ?",
            self._clock.now() - seconds,
            self._clock.now(),
        )
        return frozenset(row["image_id"] for row in rows)

    def drop_intent(self, name: str) -> None:
        self._database.execute("DELETE FROM image_intent WHERE name = ?", name)

    def forget(self, image_id: str) -> None:
        """The image is gone."""
        with self._database.transaction():
            for table in ("image", "image_name", "image_alias"):
                self._database.execute(
                    f"DELETE FROM {table} WHERE image_id = ?",  # noqa: S608 - names of ours
                    image_id,
                )

    # -- names that the engine doesn't know

    def alias(self, name: str, image_id: str) -> None:
        """`name` (canonical) means the image, whatever the engine knows of it."""
        self._database.execute("INSERT OR REPLACE INTO image_alias VALUES (?, ?)", name, image_id)

    def known_id(self, reference: ImageReference) -> str | None:
        """What an alias says that `reference` means."""
        rows = self._database.query(
            "SELECT image_id FROM image_alias WHERE name = ?", reference.canonical
        )
        return str(rows[0]["image_id"]) if rows else None

    # -- who needs what

    def uses(self) -> tuple[ImageUse, ...]:
        return tuple(
            ImageUse(
                row["component"],
                row["version"],
                row["uri"],
                row["name"],
                row["image_id"],
                row["digest"],
            )
            for row in self._database.query(
                "SELECT * FROM image_use ORDER BY component, version, uri, image_id"
            )
        )

    def add_uses(self, uses: Iterable[ImageUse]) -> None:
        """`uses` besides those that are known."""
        with self._database.transaction():
            for use in uses:
                self._database.execute(
                    "INSERT OR REPLACE INTO image_use VALUES (?, ?, ?, ?, ?, ?)",
                    use.component,
                    use.version,
                    use.uri,
                    use.name,
                    use.image_id,
                    use.digest,
                )
                self._database.execute(
                    "UPDATE image SET was_used = 1 WHERE image_id = ?", use.image_id
                )

    def replace_uses(self, uses: Sequence[ImageUse]) -> None:
        """`uses` are all that there are, but for what components made themselves."""
        with self._database.transaction():
            self._database.execute("DELETE FROM image_use WHERE uri NOT LIKE ?", f"{MADE}%")
            self.add_uses(uses)

    def note_made(self, component: str, version: str, name: str, image_id: str) -> None:
        """The component's own scripts loaded or built the image; it needs it while it is
        deployed. `name`: canonical, or the id."""
        self.add_uses([ImageUse(component, version, f"{MADE}{name}", name, image_id)])

    def forget_made(self, deployed: Collection[tuple[str, str]]) -> None:
        """What scripts of components made that are not among `deployed` (name, version) is needed
        by nobody any more."""
        with self._database.transaction():
            for use in self.uses():
                if use.uri.startswith(MADE) and (use.component, use.version) not in deployed:
                    self._database.execute(
                        "DELETE FROM image_use WHERE component = ? AND version = ? AND uri = ?",
                        use.component,
                        use.version,
                        use.uri,
                    )

    def is_used(self, image_id: str) -> bool:
        """Whether a component version needs it."""
        found = self._database.query(
            "SELECT 1 FROM image_use WHERE image_id = ? LIMIT 1", image_id
        )
        return bool(found)

    # -- archives that were loaded

    def archive_images(
        self, component: str, version: str, uri: str, identity: str
    ) -> tuple[tuple[str, str], ...] | None:
        """Name (or id) and id of each image that this archive brought; None when it was not loaded
        with this content."""
        rows = self._database.query(
            "SELECT images FROM image_archive WHERE component = ? AND version = ? AND uri = ? "
            "AND identity = ?",
            component,
            version,
            uri,
            identity,
        )
        if not rows:
            return None
        return tuple((name, image_id) for name, image_id in json.loads(rows[0]["images"]))

    def begin_load(
        self, component: str, version: str, uri: str, known_ids: Collection[str]
    ) -> frozenset[str]:
        """An archive is about to be loaded. Returns the images that were there before its first
        try, which `record_archive` ends: what a load that was cut off brought is ours too."""
        key = (component, version, uri)
        self._database.execute(
            "INSERT OR IGNORE INTO image_load VALUES (?, ?, ?, ?)",
            *key,
            json.dumps(sorted(known_ids)),
        )
        rows = self._database.query(
            "SELECT known_ids FROM image_load WHERE component = ? AND version = ? AND uri = ?",
            *key,
        )
        return frozenset(json.loads(rows[0]["known_ids"]))

    def archive_identities(self, component: str, version: str) -> dict[str, str]:
        """What was loaded for a component version: the identity of each archive by its URI."""
        rows = self._database.query(
            "SELECT uri, identity FROM image_archive WHERE component = ? AND version = ?",
            component,
            version,
        )
        return {row["uri"]: row["identity"] for row in rows}

    def record_archive(
        self, component: str, version: str, uri: str, identity: str, images: Mapping[str, str]
    ) -> None:
        """`images`: name (or id) to id."""
        with self._database.transaction():
            self._database.execute(
                "INSERT OR REPLACE INTO image_archive VALUES (?, ?, ?, ?, ?)",
                component,
                version,
                uri,
                identity,
                json.dumps(list(images.items())),
            )
            self._database.execute(
                "DELETE FROM image_load WHERE component = ? AND version = ? AND uri = ?",
                component,
                version,
                uri,
            )

    # -- tags on the move

    def note_moves(self, moves: Iterable[TagMove]) -> None:
        """Tags are about to be moved. What a tag meant before the first move counts."""
        with self._database.transaction():
            for move in moves:
                self._database.execute(
                    "INSERT INTO image_tag_move VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
                    "SET new_id = excluded.new_id",
                    move.name,
                    move.old_id,
                    move.new_id,
                )

    def moves(self) -> tuple[TagMove, ...]:
        rows = self._database.query("SELECT * FROM image_tag_move ORDER BY name")
        return tuple(TagMove(row["name"], row["old_id"], row["new_id"]) for row in rows)

    def forget_moves(self) -> None:
        self._database.execute("DELETE FROM image_tag_move")

    def forget_move(self, name: str) -> None:
        self._database.execute("DELETE FROM image_tag_move WHERE name = ?", name)
