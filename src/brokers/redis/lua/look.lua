-- Is there anything to claim? KEYS 1 delayed, 2… lists. Answers 0 = now, otherwise ms until something is due, -1 = nothing.
if #KEYS > 1 and redis.call('EXISTS', unpack(KEYS, 2)) > 0 then return 0 end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next == 0 then return -1 end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return math.max(0, math.ceil(tonumber(next[2]) - now))
