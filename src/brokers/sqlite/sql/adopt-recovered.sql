-- Puts a file in order into which rows of a damaged one were copied.
DELETE FROM lovage_holder;

DELETE FROM lovage_consumer;

UPDATE lovage_queue SET owner_id = NULL;

-- Messages whose queue's row was lost wait in a queue of this name.
INSERT INTO lovage_queue (id, name, max_priority, durable, auto_delete, exclusive)
SELECT DISTINCT queue_id, 'recovered.' || queue_id, 255, 1, 0, 0 FROM lovage_message
WHERE queue_id NOT IN (SELECT id FROM lovage_queue);

INSERT OR IGNORE INTO lovage_store (id) VALUES (1);

UPDATE lovage_store SET
  claims = max(claims, (SELECT coalesce(max(claim), 0) FROM lovage_message)),
  topology = topology + 1,
  boot = '';

-- Nobody holds anything any more.
UPDATE lovage_message SET state = 0, due = NULL, holder_id = NULL, claim = NULL, faults = faults + 1 WHERE state = 1;
