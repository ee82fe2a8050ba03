-- $1 rows as JSON, $2 their blobs one after another, $3 channel, $4 payload for whoever watches. Answers which were written.
-- The rule is judge-store.ts's. Writers of one id wait for each other at its row in lovage.result: whoever finds another
-- version there than this statement began with judges by that row, everybody else by Celery's, which Python writes as well.
WITH new AS MATERIALIZED (
  SELECT n.*, n.status IN ('SUCCESS', 'FAILURE', 'REVOKED') AS final
  FROM json_to_recordset($1::json) AS n(
    task_id text, status text, date_done timestamp, traceback text, name text, worker text, retries int, queue text,
    lineage text, fence_retries bigint, fence_claim bigint, ttl float8,
    result_at int, result_size int, args_at int, args_size int, kwargs_at int, kwargs_size int
  )
), kept AS (
  INSERT INTO lovage.result AS r (task_id, version, status, date_done, lineage, retries, claim, expires_at)
  SELECT
    new.task_id, 1, new.status, new.date_done, new.lineage, new.fence_retries, new.fence_claim,
    clock_timestamp() + new.ttl * interval '1 ms'
  FROM new
  LEFT JOIN celery_taskmeta m ON m.task_id = new.task_id
  LEFT JOIN lovage.result s ON s.task_id = new.task_id
  WHERE s.task_id IS NOT NULL
    OR coalesce(m.status, 'PENDING') <> 'SUCCESS' AND (new.final OR coalesce(m.status, 'PENDING') NOT IN ('FAILURE', 'REVOKED'))
  ORDER BY new.task_id
  ON CONFLICT (task_id) DO UPDATE SET
    version = r.version + 1,
    status = excluded.status,
    date_done = excluded.date_done,
    lineage = excluded.lineage,
    expires_at = excluded.expires_at,
    retries = coalesce(excluded.retries, (
      SELECT r.retries
      WHERE (SELECT s.version FROM lovage.result s WHERE s.task_id = r.task_id) IS DISTINCT FROM r.version
        OR EXISTS (
          SELECT FROM celery_taskmeta m
          WHERE m.task_id = r.task_id AND m.status <> 'PENDING'
            AND NOT (
              coalesce(r.expires_at <= clock_timestamp(), false)
              AND r.status = m.status AND r.date_done IS NOT DISTINCT FROM m.date_done
            )
        )
    )),
    claim = coalesce(excluded.claim, r.claim)
  WHERE coalesce((
    -- The record that stands, unless it is gone or expired: then everything may be written.
    SELECT
      standing.status <> 'SUCCESS'
      AND (excluded.status IN ('SUCCESS', 'FAILURE', 'REVOKED') OR standing.status NOT IN ('FAILURE', 'REVOKED'))
      AND NOT coalesce((excluded.retries, excluded.claim) < (r.retries, r.claim), false)
    FROM (
      SELECT r.status AS status
      WHERE (SELECT s.version FROM lovage.result s WHERE s.task_id = r.task_id) IS DISTINCT FROM r.version
      UNION ALL
      SELECT m.status
      FROM celery_taskmeta m
      WHERE m.task_id = r.task_id
        AND m.status <> 'PENDING'
        AND (SELECT s.version FROM lovage.result s WHERE s.task_id = r.task_id) = r.version
        AND NOT (
          coalesce(r.expires_at <= clock_timestamp(), false)
          AND r.status = m.status AND r.date_done IS NOT DISTINCT FROM m.date_done
        )
    ) AS standing
  ), true)
  RETURNING r.task_id
), written AS (
  INSERT INTO celery_taskmeta
    (id, task_id, status, result, date_done, traceback, name, args, kwargs, worker, retries, queue)
  SELECT
    -- A row that is there keeps its id, and burns none of the sequence's.
    coalesce(m.id, nextval('task_id_sequence')), new.task_id, new.status,
    substring($2::bytea FROM new.result_at FOR new.result_size),
    new.date_done, new.traceback, new.name,
    substring($2::bytea FROM new.args_at FOR new.args_size),
    substring($2::bytea FROM new.kwargs_at FOR new.kwargs_size),
    new.worker, new.retries, new.queue
  FROM new
  JOIN kept ON kept.task_id = new.task_id
  LEFT JOIN celery_taskmeta m ON m.task_id = new.task_id
  ORDER BY new.task_id
  ON CONFLICT (task_id) DO UPDATE SET
    status = excluded.status,
    result = excluded.result,
    date_done = excluded.date_done,
    traceback = excluded.traceback,
    name = excluded.name,
    args = excluded.args,
    kwargs = excluded.kwargs,
    worker = excluded.worker,
    retries = excluded.retries,
    queue = excluded.queue
), told AS MATERIALIZED (
  SELECT pg_notify($3, $4)
  WHERE EXISTS (SELECT FROM kept) AND EXISTS (SELECT FROM lovage.result_watcher WHERE until > clock_timestamp())
)
SELECT task_id FROM kept WHERE (SELECT count(*) FROM told) >= 0
