-- $1 ids, $2 claims, $3 holder
SELECT m.id FROM lovage.message m
JOIN unnest($1::bigint[], $2::bigint[]) AS v(id, claim) ON m.id = v.id AND m.claim = v.claim
WHERE m.holder_id = $3 AND m.state = 1
