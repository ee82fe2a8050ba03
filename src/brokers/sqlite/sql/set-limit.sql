-- ?1 key, ?2 state, ?3 ends
INSERT INTO lovage_limit (key, state, ends) VALUES (?1, ?2, ?3)
ON CONFLICT (key) DO UPDATE SET state = excluded.state, ends = excluded.ends
