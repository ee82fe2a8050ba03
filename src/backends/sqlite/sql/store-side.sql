INSERT INTO lovage_result (task_id, status, date_done, lineage, retries, claim, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (task_id) DO UPDATE SET
  status = excluded.status,
  date_done = excluded.date_done,
  lineage = excluded.lineage,
  retries = excluded.retries,
  claim = excluded.claim,
  expires_at = excluded.expires_at
