-- The oldest whose time is over, up to the first that lives, and those beyond ?2.
DELETE FROM lovage_revocation
WHERE seq < (SELECT coalesce((SELECT seq FROM lovage_revocation WHERE expires_at > ?1 ORDER BY seq LIMIT 1), 9007199254740991))
  OR seq <= (SELECT coalesce((SELECT seq FROM lovage_revocation ORDER BY seq DESC LIMIT 1 OFFSET ?2), 0))
