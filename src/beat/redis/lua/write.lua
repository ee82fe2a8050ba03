-- Writes records, all or none. KEYS 1 lease, 2 values, 3 versions. ARGV 1 term that must still hold, or -; then for each
-- record: key, 1 = written or 0 = removed, value. Answers 1 = written, 0 = fenced.
if ARGV[1] ~= '-' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local lease = redis.call('HMGET', KEYS[1], 'holder', 'term', 'until')
  if not lease[1] or lease[1] == '' or lease[2] ~= ARGV[1] or tonumber(lease[3]) <= now then return 0 end
end
local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
for at = 2, #ARGV, 3 do
  if ARGV[at + 1] == '1' then redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 2])
  else redis.call('HDEL', KEYS[2], ARGV[at]) end
  redis.call('ZADD', KEYS[3], version, ARGV[at])
end
return 1
