-- Chords that somebody must end when whoever was to do it is gone: see backends/quiet-chord.ts.
ALTER TABLE lovage.chord
  ADD COLUMN memo text,
  -- When it was opened, or its last part came.
  ADD COLUMN moved_at timestamptz,
  -- It is told when it has been quiet since then; null: it has no memo, or is closed.
  ADD COLUMN look_at timestamptz;

CREATE INDEX chord_look ON lovage.chord (look_at) WHERE look_at IS NOT NULL;
