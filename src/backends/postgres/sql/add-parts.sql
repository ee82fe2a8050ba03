-- $1 chord, a column per part: $2 indexes or null, $3 tasks, $4 starts and $5 lengths of metas within $6; $7 ttl in ms or
-- null. A part that is there already says something new, and counts once all the same (D70); after the last one, and after the
-- end, none is taken. Answers which were new.
WITH given AS (
  SELECT
    CASE WHEN a.task_id IS NULL THEN new.idx END AS idx,
    CASE WHEN a.task_id IS NOT NULL THEN new.idx END AS place,
    new.task_id, new.start, new.length, new.n
  FROM unnest($2::int[], $3::text[], $4::int[], $5::int[]) WITH ORDINALITY AS new(idx, task_id, start, length, n)
  LEFT JOIN lovage.chord_added a ON a.chord = $1 AND a.task_id = new.task_id
), last AS (
  SELECT DISTINCT ON (idx, CASE WHEN idx IS NULL THEN task_id END) * FROM given
  ORDER BY idx, CASE WHEN idx IS NULL THEN task_id END, n DESC
), taken AS (
  INSERT INTO lovage.chord_part AS p (chord, idx, place, task_id, meta)
  SELECT $1, idx, place, task_id, substring($6::bytea FROM start FOR length)
  FROM last
  WHERE EXISTS (SELECT FROM lovage.chord WHERE chord = $1 AND NOT closed AND (size IS NULL OR arrived < size + added))
  ORDER BY n
  ON CONFLICT (chord, part) DO UPDATE SET task_id = excluded.task_id, meta = excluded.meta
  -- A row that was there has a predecessor.
  RETURNING part, xmax = 0 AS fresh
), counted AS (
  UPDATE lovage.chord SET
    arrived = arrived + (SELECT count(*) FROM taken WHERE fresh),
    ttl = $7,
    expires_at = clock_timestamp() + $7::float8 * interval '1 ms',
    moved_at = clock_timestamp(),
    look_at = CASE WHEN memo IS NULL THEN NULL ELSE clock_timestamp() END
  WHERE chord = $1
)
SELECT part FROM taken WHERE fresh
