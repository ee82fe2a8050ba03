-- What nobody alive holds (D36). KEYS 1 unacked, 2 unacked_index, 3 lease, 4 holders. ARGV 1 visibility timeout ms, 2 limit
-- Answers dead holders, then token, value, and whether it had a lease of ours, for each message.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local limit = tonumber(ARGV[2])
local found = {}
for _, token in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, limit)) do
  local value = redis.call('HGET', KEYS[1], token)
  if value then
    found[#found + 1] = token
    found[#found + 1] = value
    found[#found + 1] = 1
  else
    redis.call('ZREM', KEYS[3], token)
    redis.call('ZREM', KEYS[2], token)
  end
end
local old = string.format('%.3f', (now - tonumber(ARGV[1])) / 1000)
for _, token in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', old, 'LIMIT', 0, limit)) do
  if not redis.call('ZSCORE', KEYS[3], token) then
    local value = redis.call('HGET', KEYS[1], token)
    if value then
      found[#found + 1] = token
      found[#found + 1] = value
      found[#found + 1] = 0
    else
      redis.call('ZREM', KEYS[2], token)
    end
  end
end
return { redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, limit), found }
