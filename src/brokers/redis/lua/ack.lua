-- Ends deliveries. KEYS 1 unacked, 2 unacked_index, 3 lease. ARGV tokens.
-- Answers one character each: 1 = it was ours, 0 = stale (D21).
local settled = {}
for i, token in ipairs(ARGV) do settled[i] = redis.call('HDEL', KEYS[1], token) end
redis.call('ZREM', KEYS[2], unpack(ARGV))
redis.call('ZREM', KEYS[3], unpack(ARGV))
return table.concat(settled)
