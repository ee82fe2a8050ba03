-- Who leads. KEYS 1 lease. Answers holder, term, ms left; or nothing.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = redis.call('HMGET', KEYS[1], 'holder', 'term', 'until')
if not lease[1] or lease[1] == '' or tonumber(lease[3]) <= now then return {} end
return { lease[1], tonumber(lease[2]), tonumber(lease[3]) - now }
