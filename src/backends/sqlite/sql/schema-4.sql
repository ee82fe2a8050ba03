-- Tasks that parts have added to their chords: each raises the size once, and counts for itself.
CREATE TABLE lovage_chord_added (
  chord TEXT NOT NULL,
  task_id TEXT NOT NULL,
  PRIMARY KEY (chord, task_id)
) STRICT, WITHOUT ROWID;

-- Rows in lovage_chord_added.
ALTER TABLE lovage_chord ADD COLUMN added INTEGER NOT NULL DEFAULT 0;

-- Where a part stands that was added: it has no idx of its own.
ALTER TABLE lovage_chord_part ADD COLUMN place INTEGER;
