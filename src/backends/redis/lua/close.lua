-- Ends a chord, and remembers that for as long as it would have lived, not longer than asked for. KEYS 1 parts, 2 added, 3 size, 4 closed, 5 quiet
-- chords, 6 what is kept of this one, 7 the tasks that were added. ARGV 1 ms at most, 2 chord
local live = math.max(redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[3]), redis.call('PTTL', KEYS[4]))
if live <= 0 or live > tonumber(ARGV[1]) then live = tonumber(ARGV[1]) end
redis.call('SET', KEYS[4], '1', 'PX', live)
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7])
redis.call('ZREM', KEYS[5], ARGV[2])
return 1
