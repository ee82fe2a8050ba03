-- Keeps revocations (backends/revocation-log.ts). KEYS entries by number, entries by their end, the last number.
-- ARGV ms to live, most that are kept, then the entries.
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local live, most = tonumber(ARGV[1]), tonumber(ARGV[2])

for at = 3, #ARGV do
  local entry = ARGV[at]
  if not redis.call('ZSCORE', KEYS[1], entry) then
    redis.call('ZADD', KEYS[1], redis.call('INCR', KEYS[3]), entry)
  end
  local before = tonumber(redis.call('ZSCORE', KEYS[2], entry) or 0)
  if before < now + live then redis.call('ZADD', KEYS[2], now + live, entry) end
end

local function drop(entries)
  for _, entry in ipairs(entries) do
    redis.call('ZREM', KEYS[1], entry)
    redis.call('ZREM', KEYS[2], entry)
  end
end

drop(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000))
local over = redis.call('ZCARD', KEYS[1]) - most
if over > 0 then drop(redis.call('ZRANGE', KEYS[1], 0, over - 1)) end
-- The number outlives the entries, so that no reader's cursor is ever beyond it.
redis.call('PEXPIRE', KEYS[1], live)
redis.call('PEXPIRE', KEYS[2], live)
return 1
