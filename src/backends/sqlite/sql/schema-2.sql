-- What was revoked, for workers to read: see backends/revocation-log.ts. Numbers are never used again.
CREATE TABLE lovage_revocation (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  entry TEXT NOT NULL UNIQUE,
  expires_at INTEGER NOT NULL
) STRICT;
