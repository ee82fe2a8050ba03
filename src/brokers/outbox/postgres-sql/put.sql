-- $1 envelopes, $2 properties, $3 headers as JSON, $4 starts and $5 lengths of bodies within $6
INSERT INTO lovage.outbox (envelope, properties, headers, body)
SELECT e.envelope::text, e.properties::text, e.headers::text, substring($6::bytea FROM e.start FOR e.length)
FROM ROWS FROM (
  json_array_elements($1::json), json_array_elements($2::json), json_array_elements($3::json),
  unnest($4::int[]), unnest($5::int[])
) WITH ORDINALITY AS e(envelope, properties, headers, start, length, n)
ORDER BY e.n
