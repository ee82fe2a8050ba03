-- Celery's tables as SQLAlchemy makes them (celery/backends/database/models.py): made by whoever comes first. They stand
-- where the search path leads; ids come from the sequences by name, the columns have no default.
DO $tables$ BEGIN
  IF to_regclass('celery_taskmeta') IS NULL THEN
    CREATE SEQUENCE IF NOT EXISTS task_id_sequence;
    CREATE TABLE celery_taskmeta (
      id integer NOT NULL,
      task_id character varying(155),
      status character varying(50),
      result bytea,
      date_done timestamp without time zone,
      traceback text,
      name character varying(155),
      args bytea,
      kwargs bytea,
      worker character varying(155),
      retries integer,
      queue character varying(155),
      PRIMARY KEY (id),
      UNIQUE (task_id)
    );
    CREATE INDEX ix_celery_taskmeta_date_done ON celery_taskmeta (date_done);
  END IF;
  IF to_regclass('celery_tasksetmeta') IS NULL THEN
    CREATE SEQUENCE IF NOT EXISTS taskset_id_sequence;
    CREATE TABLE celery_tasksetmeta (
      id integer NOT NULL,
      taskset_id character varying(155),
      result bytea,
      date_done timestamp without time zone,
      PRIMARY KEY (id),
      UNIQUE (taskset_id)
    );
    CREATE INDEX ix_celery_tasksetmeta_date_done ON celery_tasksetmeta (date_done);
  END IF;
END $tables$;

-- What Celery's row has no column for.
CREATE TABLE lovage.result (
  task_id text PRIMARY KEY,
  -- Raised with every write, so that a writer who waited for another one knows that it did.
  version bigint NOT NULL,
  -- As we wrote them into celery_taskmeta. Differ they, another program has written since.
  status text NOT NULL,
  date_done timestamp without time zone,
  -- The record without value, traceback and extended columns: JSON.
  lineage text NOT NULL,
  -- Which attempt wrote (D45); null: not fenced.
  retries bigint,
  claim bigint,
  -- Null: never.
  expires_at timestamptz
);

CREATE INDEX result_expiry ON lovage.result (expires_at) WHERE expires_at IS NOT NULL;

-- Until when somebody watches results: nobody is notified when nobody listens.
CREATE TABLE lovage.result_watcher (
  id smallint PRIMARY KEY CHECK (id = 1),
  until timestamptz NOT NULL
);

CREATE TABLE lovage.saved_group (
  group_id text PRIMARY KEY,
  -- As key/value backends store it.
  meta bytea NOT NULL,
  expires_at timestamptz
);

CREATE INDEX saved_group_expiry ON lovage.saved_group (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE lovage.chord (
  chord text PRIMARY KEY,
  -- Null: not told yet.
  size integer,
  -- Rows in chord_part: counting them for each arrival would cost the square of the size.
  arrived integer NOT NULL DEFAULT 0,
  closed boolean NOT NULL DEFAULT false,
  -- What the last writer asked for, ms; null: for ever.
  ttl float8,
  expires_at timestamptz
);

CREATE INDEX chord_expiry ON lovage.chord (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE lovage.chord_part (
  -- Order of first arrival.
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  chord text NOT NULL,
  -- Null: the sender gave none.
  idx integer,
  task_id text NOT NULL,
  -- Each part counts once (D70): by its index, or by its task where it has none.
  part text GENERATED ALWAYS AS (CASE WHEN idx IS NULL THEN 't' || task_id ELSE 'i' || idx::text END) STORED,
  meta bytea NOT NULL,
  UNIQUE (chord, part)
);
