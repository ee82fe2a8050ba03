-- Limits over the cluster, by key. Times are the kernel's monotonic clock, ms.
CREATE TABLE lovage_limit (
  key TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  -- Nothing of it matters any more after this.
  ends INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX lovage_limit_ends ON lovage_limit (ends);
