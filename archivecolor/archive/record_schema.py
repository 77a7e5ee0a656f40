"""The table that `record_index` keeps beside a manifest, as SQL."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE items (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, folder BLOB NOT NULL, name BLOB NOT NULL,
    kind TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, confidence REAL NOT NULL,
    sureness REAL NOT NULL, at TEXT NOT NULL, day TEXT NOT NULL, megapixels REAL NOT NULL,
    seconds REAL NOT NULL, has_output INTEGER NOT NULL, place INTEGER NOT NULL,
    decided TEXT NOT NULL DEFAULT 'none', corrected INTEGER NOT NULL DEFAULT 0, by TEXT NOT NULL DEFAULT '');
CREATE INDEX by_sureness ON items (sureness, id);
CREATE INDEX by_time ON items (at, id);
CREATE INDEX by_status ON items (status, sureness, id);
CREATE INDEX by_reason ON items (reason, sureness, id);
CREATE INDEX by_folder ON items (folder, sureness, id);
CREATE INDEX by_day ON items (day, sureness, id);
CREATE INDEX by_kind ON items (kind, sureness, id);
CREATE INDEX by_decided ON items (decided, corrected, sureness, id);
"""
COLUMNS = (
    "id, path, kind, status, reason, confidence, sureness, at, has_output, place, decided, corrected, by,"
    " megapixels"
)
UPSERT = """INSERT INTO items
    (path, folder, name, kind, status, reason, confidence, sureness, at, day, megapixels, seconds, has_output,
     place)
    VALUES (:path, :folder, :name, :kind, :status, :reason, :confidence, :sureness, :at, :day, :megapixels,
            :seconds, :has_output, :place)
    ON CONFLICT (path) DO UPDATE SET kind = excluded.kind, status = excluded.status,
        reason = excluded.reason, confidence = excluded.confidence, sureness = excluded.sureness,
        at = excluded.at, day = excluded.day, megapixels = excluded.megapixels, seconds = excluded.seconds,
        has_output = excluded.has_output, place = excluded.place"""
