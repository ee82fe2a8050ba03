-- KEYS entries by number, entries by their end. ARGV the last number that was read, most to read. Answers the last number now
-- read, then each entry with the ms it is still kept, 0 = its time is over.
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local answer = { ARGV[1] }
for at = 1, #found, 2 do
  local ends = tonumber(redis.call('ZSCORE', KEYS[2], found[at]) or 0)
  answer[1] = found[at + 1]
  answer[#answer + 1] = found[at]
  answer[#answer + 1] = tostring(math.max(0, ends - now))
end
return answer
