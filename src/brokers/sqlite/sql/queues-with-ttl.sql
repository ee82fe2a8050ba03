-- Queues that go by themselves and limit the life of their messages, ms
SELECT id, json_extract(arguments, '$."x-message-ttl"') AS ttl FROM lovage_queue
WHERE auto_delete = 1 AND json_type(arguments, '$."x-message-ttl"') = 'integer'
