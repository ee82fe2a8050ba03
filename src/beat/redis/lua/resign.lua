-- Gives the lead up. KEYS 1 lease. ARGV 1 holder.
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('HSET', KEYS[1], 'holder', '', 'until', '0') end
return 1
