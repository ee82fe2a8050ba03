-- What was written after a cursor. KEYS 1 lease, 2 values (hash), 3 versions (sorted set). ARGV 1 cursor.
-- Answers the newest version, then key, value (false = removed) of each.
local answer = { tonumber(redis.call('HGET', KEYS[1], 'version') or '0') }
local keys = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[1], '+inf')
for _, key in ipairs(keys) do
  answer[#answer + 1] = key
  answer[#answer + 1] = redis.call('HGET', KEYS[2], key)
end
return answer
