-- $1 chord, a column per part: $2 indexes or null, $3 tasks, $4 starts and $5 lengths of metas within $6; $7 ttl in ms or
-- null. A part that is there already says something new, and counts once all the same (D70); after the last one, and after the
-- end, none is taken. Answers which were new.
WITH taken AS (
  INSERT INTO lovage.chord_part AS p (chord, idx, task_id, meta)
  SELECT $1, new.idx, new.task_id, substring($6::bytea FROM new.start FOR new.length)
  FROM unnest($2::int[], $3::text[], $4::int[], $5::int[]) WITH ORDINALITY AS new(idx, task_id, start, length, n)
  WHERE EXISTS (SELECT FROM lovage.chord WHERE chord = $1 AND NOT closed AND (size IS NULL OR arrived < size))
  ORDER BY new.n
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
