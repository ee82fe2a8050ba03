-- Messages that wait for their transaction's end, and then for a relay.
CREATE TABLE lovage.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Nobody else gets it before this.
  taken_until timestamptz NOT NULL DEFAULT '-infinity',
  tries integer NOT NULL DEFAULT 0,
  -- Address, publish id, delay and queue: JSON.
  envelope text NOT NULL,
  properties text NOT NULL,
  headers text NOT NULL,
  body bytea NOT NULL
);

-- Tells this outbox from every other one.
CREATE TABLE lovage.outbox_id (
  id smallint PRIMARY KEY CHECK (id = 1),
  uuid uuid NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO lovage.outbox_id (id) VALUES (1);
