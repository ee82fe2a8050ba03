-- $1 chord, $2 tasks, $3 ttl in ms or null. Answers whether a size was told, and whether all of them are parts now.
WITH open AS (
  SELECT FROM lovage.chord WHERE chord = $1 AND NOT closed AND arrived < size + added
), fresh AS (
  INSERT INTO lovage.chord_added (chord, task_id)
  SELECT $1, task FROM unnest($2::text[]) AS task WHERE EXISTS (SELECT FROM open)
  ON CONFLICT DO NOTHING
  RETURNING task_id
), grown AS (
  UPDATE lovage.chord SET
    added = added + (SELECT count(*) FROM fresh),
    ttl = $3,
    expires_at = clock_timestamp() + $3::float8 * interval '1 ms',
    moved_at = clock_timestamp(),
    look_at = CASE WHEN memo IS NULL THEN NULL ELSE clock_timestamp() END
  WHERE chord = $1 AND EXISTS (SELECT FROM open)
)
SELECT closed OR size IS NOT NULL, EXISTS (SELECT FROM open) OR NOT EXISTS (
  SELECT FROM unnest($2::text[]) AS task WHERE task NOT IN (SELECT task_id FROM lovage.chord_added WHERE chord = $1)
)
FROM lovage.chord WHERE chord = $1
