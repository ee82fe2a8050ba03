-- $1 ids, $2 claims, $3 kinds: 0 ack, 1 begin, 2 requeue, 3 requeue after a fault; $4 delays in ms or null, $5 holder,
-- $6 channel. Answers which of them were still held, and wakes whoever waits for what is back.
WITH v AS MATERIALIZED (
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::float8[]) AS v(id, claim, kind, delay)
), acked AS (
  DELETE FROM lovage.message m USING v
  WHERE v.kind = 0 AND m.id = v.id AND m.claim = v.claim AND m.holder_id = $5 AND m.state = 1
  RETURNING m.id
), marked AS (
  UPDATE lovage.message m SET begun = true FROM v
  WHERE v.kind = 1 AND m.id = v.id AND m.claim = v.claim AND m.holder_id = $5 AND m.state = 1
  RETURNING m.id
), back AS (
  UPDATE lovage.message m SET
    state = CASE WHEN v.delay > 0 THEN 2 ELSE 0 END,
    due = CASE WHEN v.delay > 0 THEN clock_timestamp() + v.delay * interval '1 ms' END,
    faults = m.faults + (v.kind - 2),
    begun = v.kind = 3 OR m.had_begun,
    holder_id = NULL,
    claim = NULL
  FROM v
  WHERE v.kind >= 2 AND m.id = v.id AND m.claim = v.claim AND m.holder_id = $5 AND m.state = 1
  RETURNING m.id, m.queue_id
), waking AS (
  UPDATE lovage.wake w SET at = clock_timestamp()
  FROM (
    SELECT queue_id FROM lovage.wake
    WHERE queue_id IN (SELECT queue_id FROM back) AND at < clock_timestamp() - interval '50 ms'
    FOR UPDATE SKIP LOCKED
  ) quiet
  WHERE w.queue_id = quiet.queue_id
  RETURNING w.queue_id
)
SELECT id, 0 FROM acked
UNION ALL SELECT id, 0 FROM marked
UNION ALL SELECT id, queue_id FROM back
UNION ALL SELECT 0, count(pg_notify($6, queue_id::text)) FROM waking
