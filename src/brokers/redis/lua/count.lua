-- Part of a count of held, or delayed, messages by where they go back to. KEYS 1 the hash. ARGV 1 cursor, 2 'held' or 'delayed'
-- Answers the next cursor and pairs: address (exchange, a line end, routing key; or the list), number.
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 500)
local counts = {}
for i = 2, #page[2], 2 do
  local value, address = page[2][i], nil
  if ARGV[2] == 'held' then
    local exchange, key = string.match(value, '.*,%s*"(.-)",%s*"(.-)"%]$')
    if exchange then address = exchange .. '\n' .. key end
  else
    address = string.match(value, '^.([^\n]*)\n')
  end
  if address then counts[address] = (counts[address] or 0) + 1 end
end
local flat = {}
for address, count in pairs(counts) do
  flat[#flat + 1] = address
  flat[#flat + 1] = count
end
return { page[1], flat }
