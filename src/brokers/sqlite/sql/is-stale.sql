-- ?1 queue, ?2 the latest instant that is too old
SELECT 1 FROM lovage_message WHERE state = 0 AND queue_id = ?1 AND enqueued_at <= ?2 LIMIT 1
