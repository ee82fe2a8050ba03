-- Takes ready messages, in order, and records who has them, in one step (D20).
-- KEYS 1 unacked, 2 unacked_index, 3 lease, 4 claims, 5 delayed, 6 delayed.messages, 7… lists: step by step, in each queue by queue
-- ARGV 1 limit, 2 lease ms, 3 beginning of tokens, 4 number of the first token, 5 queues, 6… their names as JSON
-- Answers the number of the first claim, positions of lists that are none, and position and message of each claim.
local limit, prefix, number, queues = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local due = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now, 'LIMIT', 0, 100)
for _, id in ipairs(due) do
  local kept = redis.call('HGET', KEYS[6], id)
  local pushed = 0
  if kept then
    local line = string.find(kept, '\n', 1, true)
    pushed = redis.pcall(string.sub(kept, 1, 1) .. 'PUSH', string.sub(kept, 2, line - 1), string.sub(kept, line + 1))
  end
  if type(pushed) == 'number' then
    redis.call('HDEL', KEYS[6], id)
    redis.call('ZREM', KEYS[5], id)
  end
end

local fields, tokens, taken, found, bad = {}, {}, {}, {}, {}
local left = limit
for key = 7, #KEYS do
  local position = key - 7
  local list = redis.pcall('LRANGE', KEYS[key], -left, -1)
  if list.err then
    bad[#bad + 1] = position
  elseif #list > 0 then
    local tail = ', "", ' .. ARGV[6 + position % queues] .. ']'
    for i = #list, 1, -1 do
      local token = prefix .. number
      number = number + 1
      tokens[#tokens + 1] = token
      fields[#fields + 1] = token
      fields[#fields + 1] = '[' .. list[i] .. tail
      found[#found + 1] = position
      found[#found + 1] = list[i]
    end
    taken[#taken + 1] = { KEYS[key], #list }
    left = left - #list
    if left == 0 then break end
  end
end
if #taken == 0 then return { '0', bad, found } end

local function scored(score)
  local pairs = {}
  for i, token in ipairs(tokens) do
    pairs[2 * i - 1] = score
    pairs[2 * i] = token
  end
  return unpack(pairs)
end

-- Whatever is wrong with these keys shows before anything was taken.
local held = redis.pcall('HSET', KEYS[1], unpack(fields))
if type(held) ~= 'number' then return redis.error_reply(held.err .. ' (key ' .. KEYS[1] .. ')') end
local indexed = redis.pcall('ZADD', KEYS[2], scored(string.format('%d.%06d', time[1], time[2])))
local leased = redis.pcall('ZADD', KEYS[3], scored(now + tonumber(ARGV[2])))
if type(indexed) ~= 'number' or type(leased) ~= 'number' then
  redis.call('HDEL', KEYS[1], unpack(tokens))
  if type(indexed) == 'number' then redis.call('ZREM', KEYS[2], unpack(tokens)) end
  local wrong, key = indexed, KEYS[2]
  if type(indexed) == 'number' then wrong, key = leased, KEYS[3] end
  return redis.error_reply(wrong.err .. ' (key ' .. key .. ')')
end
for _, part in ipairs(taken) do redis.call('LTRIM', part[1], 0, -part[2] - 1) end

-- Grows also when the key was lost, since the server's clock does.
local last = tonumber(redis.call('GET', KEYS[4]) or '0') or 0
local first = math.max(last + 1, tonumber(time[1]) * 1000000 + tonumber(time[2]))
redis.call('SET', KEYS[4], string.format('%.0f', first + #tokens - 1))
return { string.format('%.0f', first), bad, found }
