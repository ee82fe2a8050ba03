-- What was revoked, for workers to read: see backends/revocation-log.ts.
CREATE TABLE lovage.revocation (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entry text NOT NULL UNIQUE,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL
);
