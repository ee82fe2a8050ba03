-- The mark `begun` that a message had when it was handed out: one that comes back from a delivery which had not begun has it again.
ALTER TABLE lovage.message ADD COLUMN had_begun boolean NOT NULL DEFAULT false;
