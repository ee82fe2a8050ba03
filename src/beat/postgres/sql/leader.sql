SELECT holder, term::float8, extract(epoch FROM until - clock_timestamp())::float8 * 1000
FROM lovage.beat_lease WHERE holder IS NOT NULL AND until > clock_timestamp()
