-- What beats share: entries, what is remembered of them, pauses.
CREATE TABLE lovage_beat_record (
  key TEXT PRIMARY KEY,
  -- NULL: removed.
  value TEXT,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX lovage_beat_record_version ON lovage_beat_record (version);

-- One row: who leads. Times are the kernel's clock, ms since boot.
CREATE TABLE lovage_beat_lease (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  holder TEXT,
  term INTEGER NOT NULL,
  until INTEGER NOT NULL,
  ttl INTEGER NOT NULL
) STRICT;

INSERT INTO lovage_beat_lease (id, holder, term, until, ttl) VALUES (1, NULL, 0, 0, 0);
