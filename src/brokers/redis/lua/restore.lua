-- Puts held messages back, if they are still what was read (D37). KEYS 1 unacked, 2 unacked_index, 3 lease, 4 delayed, 5 delayed.messages.
-- ARGV for each: token, the value that was read, delay in ms, new message, number of lists, lists.
-- Answers one character each: 1 = put back, 0 = not ours any more.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local settled = {}
local at = 1
while at <= #ARGV do
  local token, expected, delay, message, lists = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3], tonumber(ARGV[at + 4])
  local ours = redis.call('HGET', KEYS[1], token) == expected
  if ours then
    for i = 1, lists do
      local list = ARGV[at + 4 + i]
      if delay > 0 then
        local id = token .. ':' .. i
        redis.call('HSET', KEYS[5], id, 'R' .. list .. '\n' .. message)
        redis.call('ZADD', KEYS[4], now + delay, id)
      else
        redis.call('RPUSH', list, message)
      end
    end
    redis.call('HDEL', KEYS[1], token)
    redis.call('ZREM', KEYS[2], token)
    redis.call('ZREM', KEYS[3], token)
  end
  settled[#settled + 1] = ours and 1 or 0
  at = at + 5 + lists
end
return table.concat(settled)
