-- $1 ids, $2 claims, $3 holder; answers which of them were still held under them
DELETE FROM lovage.message m
USING unnest($1::bigint[], $2::bigint[]) AS v(id, claim)
WHERE m.id = v.id AND m.claim = v.claim AND m.holder_id = $3 AND m.state = 1
RETURNING m.id
