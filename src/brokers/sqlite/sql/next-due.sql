-- ?1 kind of delay; ordered by the index
SELECT due FROM lovage_message WHERE state = ?1 AND due IS NOT NULL ORDER BY due LIMIT 1
