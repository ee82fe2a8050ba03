SELECT coalesce(sum(consumers), 0) AS n FROM lovage_consumer WHERE queue_id = ?1
