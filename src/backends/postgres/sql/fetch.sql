-- $1 ids, $2 the version of each that is known already, empty: none. Rows that somebody else has written since do not
-- expire by our date.
SELECT
  m.xmin::text, m.task_id, m.status, m.result, to_char(m.date_done, 'YYYY-MM-DD HH24:MI:SS.US'), m.traceback,
  m.name, m.args, m.kwargs, m.worker, m.retries, m.queue,
  s.lineage, s.status = m.status AND s.date_done IS NOT DISTINCT FROM m.date_done
FROM unnest($1::text[], $2::text[]) AS asked(task_id, known)
JOIN celery_taskmeta m ON m.task_id = asked.task_id
LEFT JOIN lovage.result s ON s.task_id = m.task_id
WHERE m.xmin::text <> asked.known
  AND m.status <> 'PENDING'
  AND NOT coalesce(
    s.expires_at <= clock_timestamp() AND s.status = m.status AND s.date_done IS NOT DISTINCT FROM m.date_done,
    false
  )
