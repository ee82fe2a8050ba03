-- $1 most that are kept. Others that cut are not waited for.
DELETE FROM lovage.revocation
WHERE seq IN (
  SELECT seq FROM lovage.revocation
  WHERE seq < coalesce((SELECT min(seq) FROM lovage.revocation WHERE expires_at > clock_timestamp()), 9223372036854775807)
    OR seq <= coalesce((SELECT seq FROM lovage.revocation ORDER BY seq DESC OFFSET $1 LIMIT 1), 0)
  FOR UPDATE SKIP LOCKED
)
