-- $1 holder, $2 queue ids, $3 how many consumers of each: instead of those it had
WITH wanted AS (
  SELECT * FROM unnest($2::bigint[], $3::int[]) AS w(queue_id, consumers)
), gone AS (
  DELETE FROM lovage.consumer
  WHERE holder_id = $1 AND queue_id NOT IN (SELECT queue_id FROM wanted)
), served AS (
  UPDATE lovage.queue SET served = true
  WHERE auto_delete AND NOT served AND id IN (SELECT queue_id FROM wanted)
)
INSERT INTO lovage.consumer (queue_id, holder_id, consumers)
SELECT queue_id, $1, consumers FROM wanted
ON CONFLICT (queue_id, holder_id) DO UPDATE SET consumers = excluded.consumers
