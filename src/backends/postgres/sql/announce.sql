-- $1 ms from now until which somebody watches
INSERT INTO lovage.result_watcher (id, until) VALUES (1, clock_timestamp() + $1 * interval '1 ms')
ON CONFLICT (id) DO UPDATE SET until = greatest(result_watcher.until, excluded.until)
