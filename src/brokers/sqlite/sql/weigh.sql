-- ?1 queue. The lengths stand in front of what they are the lengths of, so the bodies are not read.
SELECT coalesce(sum(length(body) + length(headers) + length(properties)), 0) AS n
FROM lovage_message WHERE state = 0 AND queue_id = ?1
