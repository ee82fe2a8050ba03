-- Takes or renews the lead. KEYS 1 lease (hash: holder, term, until). ARGV 1 holder, 2 ms.
-- Answers 1, term; or 0, holder, ms left. The server's clock decides.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = redis.call('HMGET', KEYS[1], 'holder', 'term', 'until')
local holder, term, till = lease[1], tonumber(lease[2] or '0'), tonumber(lease[3] or '0')
local held = holder and holder ~= '' and till > now
if held and holder ~= ARGV[1] then return { 0, holder, till - now } end
if not held then term = term + 1 end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'term', string.format('%.0f', term), 'until', string.format('%.0f', now + tonumber(ARGV[2])))
return { 1, term }
