CREATE TABLE lovage.store (
  id smallint PRIMARY KEY CHECK (id = 1),
  -- Tells this store from every other one, wherever it is reached from.
  uuid uuid NOT NULL DEFAULT gen_random_uuid(),
  -- Raised with every change of exchanges, queues or bindings.
  topology bigint NOT NULL DEFAULT 0
);

INSERT INTO lovage.store (id) VALUES (1);

CREATE TABLE lovage.exchange (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  type text NOT NULL,
  durable boolean NOT NULL,
  auto_delete boolean NOT NULL
);

CREATE TABLE lovage.queue (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  max_priority smallint NOT NULL,
  durable boolean NOT NULL,
  -- Goes with its last consumer.
  auto_delete boolean NOT NULL,
  -- Goes with its owner.
  exclusive boolean NOT NULL,
  -- Who declared an exclusive or auto-deleted queue.
  owner_id bigint,
  -- Somebody has consumed it.
  served boolean NOT NULL DEFAULT false,
  arguments text
);

CREATE TABLE lovage.binding (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  exchange text NOT NULL,
  routing_key text NOT NULL,
  queue_id bigint NOT NULL,
  UNIQUE (exchange, routing_key, queue_id)
);

CREATE INDEX binding_queue ON lovage.binding (queue_id);

-- When somebody was last told that a queue has something: NOTIFY is sent at most once per queue and 50 ms (D3g).
CREATE TABLE lovage.wake (
  queue_id bigint PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

-- Numbers of claims (D21, D45).
CREATE SEQUENCE lovage.claim;

-- state: 0 ready, 1 held, 2 delayed until `due`
CREATE TABLE lovage.message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue_id bigint NOT NULL,
  holder_id bigint,
  claim bigint,
  due timestamptz,
  enqueued_at timestamptz NOT NULL,
  deliveries integer NOT NULL DEFAULT 0,
  faults integer NOT NULL DEFAULT 0,
  priority smallint NOT NULL,
  state smallint NOT NULL,
  -- The present delivery, or while none holds it the last one, was marked as begun.
  begun boolean NOT NULL DEFAULT false,
  exchange text NOT NULL,
  routing_key text NOT NULL,
  properties text NOT NULL,
  headers text NOT NULL,
  body bytea NOT NULL
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_insert_scale_factor = 0.1,
  autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX message_ready ON lovage.message (queue_id, priority DESC, id) WHERE state = 0;

CREATE INDEX message_held ON lovage.message (holder_id) WHERE state = 1;

CREATE INDEX message_delayed ON lovage.message (due) WHERE state = 2;

-- Publish ids in generations of a minute; the newest two count (D05).
CREATE TABLE lovage.publish (
  generation bigint NOT NULL,
  -- Compared byte by byte: no order is wanted, only equality.
  id text COLLATE "C" NOT NULL,
  PRIMARY KEY (generation, id)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0
);

CREATE TABLE lovage.holder (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  lease_end timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE lovage.consumer (
  queue_id bigint NOT NULL,
  holder_id bigint NOT NULL,
  consumers integer NOT NULL,
  PRIMARY KEY (queue_id, holder_id)
);

CREATE INDEX consumer_holder ON lovage.consumer (holder_id);
