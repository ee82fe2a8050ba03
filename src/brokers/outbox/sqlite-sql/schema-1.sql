-- Messages that wait for their transaction's end, and then for a relay.
CREATE TABLE lovage_outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Nobody else gets it before this: epoch ms.
  taken_until INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  -- Address, publish id, delay and queue: JSON.
  envelope TEXT NOT NULL,
  properties TEXT NOT NULL,
  headers TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE INDEX lovage_outbox_taken ON lovage_outbox (taken_until, id);
