-- Renews what a live holder holds, for Python's sweep too (D35). KEYS 1 unacked, 2 unacked_index, 3 lease, 4 holders, 5 epoch,
-- 6 consumers.
-- ARGV 1 lease ms, 2 holder, 3… tokens. Answers the epoch, a new one where there is none, and 1 when the holder
-- is entered with what it consumes.
local time = redis.call('TIME')
local ends = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[1])
local seconds = string.format('%d.%06d', time[1], time[2])
redis.call('ZADD', KEYS[4], 'XX', ends, ARGV[2])
local entered = redis.call('ZSCORE', KEYS[4], ARGV[2]) and redis.call('HEXISTS', KEYS[6], ARGV[2]) or 0
local index, lease = {}, {}
for i = 3, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    index[#index + 1] = seconds
    index[#index + 1] = ARGV[i]
    lease[#lease + 1] = ends
    lease[#lease + 1] = ARGV[i]
  end
end
if #index > 0 then
  redis.call('ZADD', KEYS[2], 'XX', unpack(index))
  redis.call('ZADD', KEYS[3], 'XX', unpack(lease))
end
local epoch = redis.call('GET', KEYS[5])
if not epoch then
  epoch = ARGV[2] .. ' ' .. seconds
  redis.call('SET', KEYS[5], epoch)
end
return { epoch, entered }
