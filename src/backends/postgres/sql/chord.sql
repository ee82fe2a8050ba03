-- $1 chord; with its parts, in order, when they are all there
SELECT c.closed, c.arrived, c.size + c.added, p.meta
FROM lovage.chord c
LEFT JOIN lovage.chord_part p ON p.chord = c.chord AND NOT c.closed AND c.arrived >= c.size + c.added
WHERE c.chord = $1
ORDER BY coalesce(p.idx, p.place) NULLS LAST, p.seq
