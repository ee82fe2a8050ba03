-- Swaps held messages for ones that are marked as begun. KEYS 1 unacked. ARGV for each: token, the value that was read, the new value.
-- Answers one character each: 1 = marked, 0 = not ours any more.
local settled = {}
for at = 1, #ARGV, 3 do
  local ours = redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1]
  if ours then redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2]) end
  settled[#settled + 1] = ours and 1 or 0
end
return table.concat(settled)
