-- ?1 queue name, ?2 holder, ?3 how many
INSERT INTO lovage_consumer (queue_id, holder_id, consumers)
SELECT id, ?2, ?3 FROM lovage_queue WHERE name = ?1
