-- $1 the last number that was read, $2 at most. The last column: every transaction that drew a smaller number has long ended.
SELECT seq::text, entry, extract(epoch FROM expires_at - clock_timestamp()) * 1000, added_at < clock_timestamp() - interval '1 minute'
FROM lovage.revocation
WHERE seq > $1
ORDER BY seq
LIMIT $2
