-- $1 cursor
SELECT l.version::float8, r.key, r.value
FROM lovage.beat_lease l LEFT JOIN lovage.beat_record r ON r.version > $1 AND r.version <= l.version
