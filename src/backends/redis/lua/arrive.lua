-- Counts a chord's part, once (D70). KEYS 1 parts, 2 added, 3 size, 4 closed, 5 quiet chords, 6 what is kept of this one,
-- 7 the tasks that were added.
-- ARGV 1 part, 2 task id, 3 index or empty, 4 ms to live (0 = for ever), 5 'zset' or 'list', 6 chord
-- Answers -1 = closed, 0 = waiting, or all parts in order.
-- Parts without an index stand behind the others, in the order in which they came.
local UNPLACED = 1e15
if redis.call('EXISTS', KEYS[4]) == 1 then
  if tonumber(ARGV[4]) > 0 then redis.call('PEXPIRE', KEYS[4], ARGV[4]) end
  return -1
end
local ordered = ARGV[5] == 'zset'
local opened_here = redis.call('ZSCORE', KEYS[5], ARGV[6])
local added, size = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(redis.call('GET', KEYS[3]) or 'nan')

local function count() return redis.call(ordered and 'ZCARD' or 'LLEN', KEYS[1]) end
local function complete() return size == size and count() >= size + added end

-- A member begins with 1 and its task's id. Only JSON is read here: what another serializer puts before an id is short.
local HEADER = 40
local function task_of(member) return string.match(member, '^%[1,%s*"([^"\\]+)"') end
local function is_of_task(member, id)
  local own = task_of(member)
  if own then return own == id end
  return string.find(string.sub(member, 1, HEADER + #id), id, 1, true) ~= nil
end

-- Tasks that a part adds to its chord report at the part's own index.
local function is_added(member)
  local own = task_of(member)
  if own then return redis.call('HEXISTS', KEYS[7], own) == 1 end
  for _, id in ipairs(redis.call('HKEYS', KEYS[7])) do
    if is_of_task(member, id) then return true end
  end
  return false
end

-- Whatever else has this part's index is this part under another id; unless Python has added some, nobody knows which.
local function takes_place()
  if added == 0 then return true end
  return redis.call('HLEN', KEYS[7]) >= added and redis.call('HEXISTS', KEYS[7], ARGV[2]) == 0
end

if not complete() then
  if ordered then
    local score = tonumber(ARGV[3])
    local rivals
    if score then rivals = redis.call('ZRANGEBYSCORE', KEYS[1], score, score)
    else rivals = redis.call('ZRANGEBYSCORE', KEYS[1], UNPLACED, '+inf') end
    local place
    local alone = score and takes_place()
    for _, member in ipairs(rivals) do
      if is_of_task(member, ARGV[2]) or (alone and not is_added(member)) then
        place = redis.call('ZSCORE', KEYS[1], member)
        redis.call('ZREM', KEYS[1], member)
      end
    end
    if not score then
      local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
      score = place or math.max(UNPLACED, (tonumber(last[2]) or 0) + 1)
    end
    redis.call('ZADD', KEYS[1], score, ARGV[1])
  else
    -- Members of a list say nothing of their index, so that it is kept where somebody will remove it.
    local before
    if opened_here and ARGV[3] ~= '' and takes_place() then
      before = redis.call('HGET', KEYS[6], 'at.' .. ARGV[3])
      redis.call('HSET', KEYS[6], 'at.' .. ARGV[3], ARGV[2])
    end
    local replaced = false
    for i, member in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
      if is_of_task(member, ARGV[2]) or (before and is_of_task(member, before)) then
        redis.call('LSET', KEYS[1], i - 1, ARGV[1])
        replaced = true
      end
    end
    if not replaced then redis.call('RPUSH', KEYS[1], ARGV[1]) end
  end
end
if opened_here then
  local now = redis.call('TIME')
  now = now[1] * 1000 + math.floor(now[2] / 1000)
  redis.call('ZADD', KEYS[5], now, ARGV[6])
  redis.call('HSET', KEYS[6], 'moved', now)
  if complete() then redis.call('HSET', KEYS[6], 'complete', '1') end
end
for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7] }) do
  if tonumber(ARGV[4]) > 0 then redis.call('PEXPIRE', key, ARGV[4]) else redis.call('PERSIST', key) end
end
if not complete() then return 0 end
if ordered then return redis.call('ZRANGE', KEYS[1], 0, -1) end
return redis.call('LRANGE', KEYS[1], 0, -1)
