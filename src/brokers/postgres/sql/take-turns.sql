-- $1 holder, $2 the request. One step, under the lock of its limits.
SELECT lovage.take_turns($1::text, $2::jsonb)::text
