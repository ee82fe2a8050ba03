-- What stands first is read from the index that keeps it in order. Left to itself the planner goes by statistics, which a queue
-- outruns: it takes a full queue for a few rows, reads all of them and sorts, for each claim. A function may have its own mind.

-- The first of several queues, $2 in all; `n` says which queue it was.
CREATE FUNCTION lovage.ready(queues bigint[], most bigint) RETURNS TABLE (id bigint, begun boolean, n integer)
LANGUAGE plpgsql ROWS 100 SET enable_sort = off SET enable_bitmapscan = off AS $ready$
DECLARE
  room bigint := most;
  found_now bigint;
BEGIN
  FOR at IN 1 .. cardinality(queues) LOOP
    RETURN QUERY
      SELECT m.id, m.begun, at FROM lovage.message m
      WHERE m.queue_id = queues[at] AND m.state = 0
      ORDER BY m.priority DESC, m.id
      LIMIT room
      FOR UPDATE SKIP LOCKED;
    GET DIAGNOSTICS found_now = ROW_COUNT;
    room := room - found_now;
    EXIT WHEN room = 0;
  END LOOP;
END
$ready$;

-- When the next delayed message is due; null: there is none.
CREATE FUNCTION lovage.next_due() RETURNS timestamptz
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_bitmapscan = off AS $due$
BEGIN
  RETURN (SELECT m.due FROM lovage.message m WHERE m.state = 2 ORDER BY m.due LIMIT 1);
END
$due$;

CREATE FUNCTION lovage.overdue(most bigint) RETURNS SETOF bigint
LANGUAGE plpgsql ROWS 100 SET enable_sort = off SET enable_bitmapscan = off AS $overdue$
BEGIN
  RETURN QUERY
    SELECT m.id FROM lovage.message m
    WHERE m.state = 2 AND m.due <= (SELECT clock_timestamp())
    ORDER BY m.due
    LIMIT most
    FOR UPDATE SKIP LOCKED;
END
$overdue$;
