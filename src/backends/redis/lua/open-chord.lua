-- Tells the size of a chord, as Celery does, and keeps what somebody needs to end it (backends/quiet-chord.ts).
-- KEYS 1 size, 2 closed, 3 quiet chords, 4 what is kept of this one. ARGV 1 chord, 2 size, 3 ms to live (0 = for ever), 4 memo
local live = tonumber(ARGV[3])
local function set(key, value)
  if live > 0 then redis.call('SET', key, value, 'PX', live) else redis.call('SET', key, value) end
end
set(KEYS[1], ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[2])
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('HSET', KEYS[4], 'memo', ARGV[4], 'moved', now)
if live > 0 then redis.call('PEXPIRE', KEYS[4], live) else redis.call('PERSIST', KEYS[4]) end
redis.call('ZADD', KEYS[3], now, ARGV[1])
return 1
