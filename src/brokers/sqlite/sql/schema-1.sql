CREATE TABLE lovage_store (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- Claims ever made; the next claim's number is one more (D21, D45).
  claims INTEGER NOT NULL DEFAULT 0,
  -- Raised with every change of exchanges, queues or bindings.
  topology INTEGER NOT NULL DEFAULT 0,
  -- Publish ids are kept in generations of at least 60 s; the newest two count (D05).
  generation INTEGER NOT NULL DEFAULT 0,
  -- When the generation began: kernel monotonic ms of start `boot` of the machine.
  generation_since INTEGER NOT NULL DEFAULT 0,
  boot TEXT NOT NULL DEFAULT ''
) STRICT;

INSERT INTO lovage_store (id) VALUES (1);

CREATE TABLE lovage_exchange (
  name TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  durable INTEGER NOT NULL,
  auto_delete INTEGER NOT NULL
) STRICT;

CREATE TABLE lovage_queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  max_priority INTEGER NOT NULL,
  durable INTEGER NOT NULL,
  -- Goes with its last consumer.
  auto_delete INTEGER NOT NULL,
  -- Goes with its owner.
  exclusive INTEGER NOT NULL,
  -- Who declared an exclusive or auto-deleted queue.
  owner_id INTEGER,
  arguments TEXT
) STRICT;

CREATE TABLE lovage_binding (
  id INTEGER PRIMARY KEY,
  exchange TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  queue_id INTEGER NOT NULL,
  UNIQUE (exchange, routing_key, queue_id)
) STRICT;

CREATE INDEX lovage_binding_queue ON lovage_binding (queue_id);

-- state: 0 ready, 1 held, 2 delayed until `due` on the wall clock, 3 delayed until `due` on the kernel's monotonic clock
CREATE TABLE lovage_message (
  id INTEGER PRIMARY KEY,
  queue_id INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due INTEGER,
  holder_id INTEGER,
  claim INTEGER,
  deliveries INTEGER NOT NULL DEFAULT 0,
  faults INTEGER NOT NULL DEFAULT 0,
  -- 1: the present delivery is marked as begun; while none holds it: the last one was that said anything of it. 2: what it was
  -- when it was handed out, while it is held.
  begun INTEGER NOT NULL DEFAULT 0,
  enqueued_at INTEGER NOT NULL,
  exchange TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  properties TEXT NOT NULL,
  headers TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE INDEX lovage_message_ready ON lovage_message (queue_id, priority DESC, id) WHERE state = 0;

CREATE INDEX lovage_message_held ON lovage_message (holder_id, queue_id) WHERE state = 1;

CREATE INDEX lovage_message_delayed ON lovage_message (state, due, queue_id) WHERE due IS NOT NULL;

CREATE TABLE lovage_publish (
  generation INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (generation, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lovage_holder (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  boot TEXT NOT NULL,
  pid_namespace TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started TEXT NOT NULL,
  lease_ms INTEGER NOT NULL,
  -- Kernel monotonic ms.
  lease_end INTEGER NOT NULL
) STRICT;

CREATE TABLE lovage_consumer (
  queue_id INTEGER NOT NULL,
  holder_id INTEGER NOT NULL,
  consumers INTEGER NOT NULL,
  PRIMARY KEY (queue_id, holder_id)
) STRICT, WITHOUT ROWID;
