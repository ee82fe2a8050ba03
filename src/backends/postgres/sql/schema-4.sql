-- Tasks that parts have added to their chords: each raises the size once, and counts for itself.
CREATE TABLE lovage.chord_added (
  chord text NOT NULL,
  task_id text NOT NULL,
  PRIMARY KEY (chord, task_id)
);

-- Rows in chord_added.
ALTER TABLE lovage.chord ADD COLUMN added integer NOT NULL DEFAULT 0;

-- Where a part stands that was added: it has no idx of its own.
ALTER TABLE lovage.chord_part ADD COLUMN place integer;
