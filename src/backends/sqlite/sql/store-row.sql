INSERT INTO celery_taskmeta (task_id, status, result, date_done, traceback, name, args, kwargs, worker, retries, queue)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
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
