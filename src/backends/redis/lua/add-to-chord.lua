-- Raises a chord by tasks that one of its parts adds, by each once; counted where Celery's `add_to_chord` counts them.
-- KEYS 1 parts, 2 added, 3 size, 4 closed, 5 quiet chords, 6 what is kept of this one, 7 the tasks that were added.
-- ARGV 1 chord, 2 ms to live (0 = for ever), 3 'zset' or 'list', then the tasks. Answers 1 = all of them are parts now, 0 = it is over.
if redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
local added, size = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(redis.call('GET', KEYS[3]) or 'nan')
local complete = size == size and redis.call(ARGV[3] == 'zset' and 'ZCARD' or 'LLEN', KEYS[1]) >= size + added
for i = 4, #ARGV do
  if redis.call('HEXISTS', KEYS[7], ARGV[i]) == 0 then
    if complete then return 0 end
    redis.call('HSET', KEYS[7], ARGV[i], '1')
    redis.call('INCR', KEYS[2])
  end
end
for _, key in ipairs({ KEYS[2], KEYS[7] }) do
  if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', key, ARGV[2]) else redis.call('PERSIST', key) end
end
if redis.call('ZSCORE', KEYS[5], ARGV[1]) then
  local now = redis.call('TIME')
  now = now[1] * 1000 + math.floor(now[2] / 1000)
  redis.call('ZADD', KEYS[5], now, ARGV[1])
  redis.call('HSET', KEYS[6], 'moved', now)
end
return 1
