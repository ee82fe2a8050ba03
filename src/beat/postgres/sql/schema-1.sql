-- What beats share: entries, what is remembered of them, pauses.
CREATE TABLE lovage.beat_record (
  key text PRIMARY KEY,
  -- NULL: removed.
  value text,
  version bigint NOT NULL
);

CREATE INDEX beat_record_version ON lovage.beat_record (version);

-- One row: who leads, and the last version. Whoever writes locks it, so versions become visible in their order.
CREATE TABLE lovage.beat_lease (
  id smallint PRIMARY KEY CHECK (id = 1),
  holder text,
  term bigint NOT NULL,
  until timestamptz NOT NULL,
  version bigint NOT NULL
);

INSERT INTO lovage.beat_lease (id, holder, term, until, version) VALUES (1, NULL, 0, '-infinity', 0);
