-- Chords that somebody must end when whoever was to do it is gone: see backends/quiet-chord.ts.
ALTER TABLE lovage_chord ADD COLUMN memo TEXT;

-- Epoch ms: when it was opened, or its last part came.
ALTER TABLE lovage_chord ADD COLUMN moved_at INTEGER;

-- It is told when it has been quiet since then; null: it has no memo, or is closed.
ALTER TABLE lovage_chord ADD COLUMN look_at INTEGER;

CREATE INDEX lovage_chord_look ON lovage_chord (look_at) WHERE look_at IS NOT NULL;
