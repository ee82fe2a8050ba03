-- Celery's tables, word for word (celery/backends/database/models.py): made by whoever comes first.
CREATE TABLE IF NOT EXISTS celery_taskmeta (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	task_id VARCHAR(155), 
	status VARCHAR(50), 
	result BLOB, 
	date_done DATETIME, 
	traceback TEXT, 
	name VARCHAR(155), 
	args BLOB, 
	kwargs BLOB, 
	worker VARCHAR(155), 
	retries INTEGER, 
	queue VARCHAR(155), 
	UNIQUE (task_id)
);

CREATE INDEX IF NOT EXISTS ix_celery_taskmeta_date_done ON celery_taskmeta (date_done);

CREATE TABLE IF NOT EXISTS celery_tasksetmeta (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	taskset_id VARCHAR(155), 
	result BLOB, 
	date_done DATETIME, 
	UNIQUE (taskset_id)
);

CREATE INDEX IF NOT EXISTS ix_celery_tasksetmeta_date_done ON celery_tasksetmeta (date_done);

-- What Celery's row has no column for.
CREATE TABLE lovage_result (
  task_id TEXT PRIMARY KEY,
  -- As we wrote them into celery_taskmeta. Differ they, another program has written since.
  status TEXT NOT NULL,
  date_done TEXT,
  -- The record without value, traceback and extended columns: JSON.
  lineage TEXT NOT NULL,
  -- Which attempt wrote (D45); null: not fenced.
  retries INTEGER,
  claim INTEGER,
  -- Epoch ms; null: never.
  expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX lovage_result_expiry ON lovage_result (expires_at) WHERE expires_at IS NOT NULL;

-- Every change of a result, whoever made it: what watchers read. Old lines are cut off, the newest always stays.
CREATE TABLE lovage_result_change (seq INTEGER PRIMARY KEY, task_id TEXT);

CREATE TRIGGER lovage_result_inserted AFTER INSERT ON celery_taskmeta WHEN NEW.status <> 'PENDING'
BEGIN
  INSERT INTO lovage_result_change (task_id) VALUES (NEW.task_id);
END;

CREATE TRIGGER lovage_result_updated AFTER UPDATE OF status, result ON celery_taskmeta
BEGIN
  INSERT INTO lovage_result_change (task_id) VALUES (NEW.task_id);
END;

CREATE TABLE lovage_group (
  group_id TEXT PRIMARY KEY,
  -- As key/value backends store it.
  meta BLOB NOT NULL,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX lovage_group_expiry ON lovage_group (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE lovage_chord (
  chord TEXT PRIMARY KEY,
  -- Null: not told yet.
  size INTEGER,
  -- Rows in lovage_chord_part: counting them for each arrival would cost the square of the size.
  arrived INTEGER NOT NULL DEFAULT 0,
  closed INTEGER NOT NULL DEFAULT 0,
  -- What the last writer asked for, ms; null: for ever.
  ttl INTEGER,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX lovage_chord_expiry ON lovage_chord (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE lovage_chord_part (
  -- Order of first arrival.
  seq INTEGER PRIMARY KEY,
  chord TEXT NOT NULL,
  -- Null: the sender gave none.
  idx INTEGER,
  task_id TEXT NOT NULL,
  meta BLOB NOT NULL
) STRICT;

-- D70. Nulls are distinct here, so parts without an index go by their task id.
CREATE UNIQUE INDEX lovage_chord_part_index ON lovage_chord_part (chord, idx);

CREATE UNIQUE INDEX lovage_chord_part_task ON lovage_chord_part (chord, task_id) WHERE idx IS NULL;
