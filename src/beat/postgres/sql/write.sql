-- $1 records as JSON, $2 the term that must still hold, NULL = none
WITH held AS (
  UPDATE lovage.beat_lease SET version = version + 1
  WHERE $2::bigint IS NULL OR (term = $2::bigint AND holder IS NOT NULL AND until > clock_timestamp())
  RETURNING version
), written AS (
  INSERT INTO lovage.beat_record (key, value, version)
  SELECT r.key, r.value, held.version FROM held, json_to_recordset($1::json) AS r(key text, value text)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version
)
SELECT count(*)::int FROM held
