-- Decides a request for turns in one step, by the rules of brokers/limits/decide-limits.ts. KEYS 1 holders, 2… limits.
-- ARGV 1 holder, 2 lease ms, 3 the request: limits by their place from 1 on, windows as [max, ms, name].
-- Answers for each ask: granted, ms to wait (-1 = nobody knows).
local PARTS, PLACES_KEPT = 60, 604800000
local holder, request = ARGV[1], cjson.decode(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local states = {}

local function part(ms) return math.max(1, math.floor(ms / PARTS)) end

local function current(counts, ms)
  local kept = {}
  for _, count in ipairs(counts) do
    if count[1] + part(ms) + ms > now and count[1] <= now + ms then kept[#kept + 1] = count end
  end
  return kept
end

local function lives(who)
  if who == holder then return true end
  local lease_end = redis.call('ZSCORE', KEYS[1], who)
  return lease_end and tonumber(lease_end) > now
end

-- Nothing where there is something that nobody of us wrote.
local function stored(text)
  local ok, found = pcall(cjson.decode, text)
  if not ok or type(found) ~= 'table' then return {}, {} end
  for _, name in ipairs({ 'windows', 'places' }) do
    if type(found[name]) ~= 'table' then return {}, {} end
    for _, list in pairs(found[name]) do if type(list) ~= 'table' then return {}, {} end end
  end
  return found.windows, found.places
end

-- Without what has left its window, and without the dead.
local function state(at)
  if states[at] then return states[at] end
  local one = { windows = {}, places = {}, changed = false }
  local windows, places = stored(redis.call('GET', KEYS[at + 1]) or '')
  for ms, counts in pairs(windows) do
    local kept = current(counts, tonumber(ms) or 0)
    one.changed = one.changed or #kept < #counts
    if #kept > 0 then one.windows[ms] = kept end
  end
  for who, names in pairs(places) do
    if lives(who) then one.places[who] = names else one.changed = true end
  end
  states[at] = one
  return one
end

local function own(at)
  local set = {}
  for _, name in ipairs(state(at).places[holder] or {}) do set[name] = true end
  return set
end

local function set_own(at, names)
  local one = state(at)
  one.changed = true
  one.places[holder] = #names > 0 and names or nil
end

local function free(at, gone)
  local is_gone, left = {}, {}
  for _, name in ipairs(gone) do is_gone[name] = true end
  for _, name in ipairs(state(at).places[holder] or {}) do
    if not is_gone[name] then left[#left + 1] = name end
  end
  set_own(at, left)
end

local function hold(at, names, count)
  local known, held = own(at), {}
  for _, name in ipairs(state(at).places[holder] or {}) do held[#held + 1] = name end
  for i = 1, count do
    local name = names[i]
    if not known[name] then
      known[name] = true
      held[#held + 1] = name
    end
  end
  set_own(at, held)
end

local function places_for(places, names)
  local known, taken, granted = own(places.at), 0, 0
  for _, held in pairs(state(places.at).places) do taken = taken + #held end
  for _, name in ipairs(names) do
    if not known[name] then
      taken = taken + 1
      if taken > places.max then break end
    end
    granted = granted + 1
  end
  return granted
end

local function counted(rate, window) return current(state(rate.at).windows[window[3]] or {}, window[2]) end

local function sum(counts)
  local total = 0
  for _, count in ipairs(counts) do total = total + count[2] end
  return total
end

local function turns_of(rate)
  local room = math.huge
  for _, window in ipairs(rate.windows) do
    room = math.min(room, math.max(0, window[1] - sum(counted(rate, window))))
  end
  return room
end

local function window_wait(counts, max, ms)
  local over = sum(counts) - max
  for _, count in ipairs(counts) do
    if over < 0 then break end
    over = over - count[2]
    if over < 0 then return math.max(1, math.ceil(count[1] + part(ms) + ms - now)) end
  end
  return 0
end

local function wait_for(rate)
  local longest = 0
  for _, window in ipairs(rate.windows) do
    longest = math.max(longest, window_wait(counted(rate, window), window[1], window[2]))
  end
  return longest
end

local function add(rate, turns)
  local one = state(rate.at)
  one.changed = true
  for _, window in ipairs(rate.windows) do
    local counts = counted(rate, window)
    local start = math.floor(now / part(window[2])) * part(window[2])
    local last = counts[#counts]
    if last and last[1] >= start then last[2] = last[2] + turns else counts[#counts + 1] = { start, turns } end
    one.windows[window[3]] = counts
  end
end

local function decide(ask)
  local names, rate, places = ask.names, ask.rate, ask.places
  local room = places and places_for(places, names) or #names
  local turns = rate and math.min(room, turns_of(rate)) or room
  if turns > 0 and rate then add(rate, turns) end
  if turns > 0 and places then hold(places.at, names, turns) end
  if turns == #names then return turns, 0 end
  if turns == room or not rate then return turns, -1 end
  return turns, wait_for(rate)
end

-- When nothing of it matters any more, if nobody asks before.
local function ends(one)
  local last_end
  for ms, counts in pairs(one.windows) do
    last_end = math.max(last_end or now, counts[#counts][1] + 2 * tonumber(ms))
  end
  if next(one.places) then last_end = math.max(last_end or now, now + PLACES_KEPT) end
  return last_end
end

for _, done in ipairs(request.done) do free(done.at, done.names) end
for _, kept in ipairs(request.kept) do hold(kept.at, kept.names, #kept.names) end
local answers = {}
for _, ask in ipairs(request.asks) do
  local granted, wait = decide(ask)
  answers[#answers + 1] = granted
  answers[#answers + 1] = wait
end
local written = false
for at, one in pairs(states) do
  if one.changed then
    written = true
    local until_when = ends(one)
    if not until_when then
      redis.call('DEL', KEYS[at + 1])
    else
      local text = cjson.encode({ windows = one.windows, places = one.places })
      redis.call('SET', KEYS[at + 1], text, 'PX', math.max(1, math.ceil(until_when - now)))
    end
  end
end
-- Who holds places is known from the same step on; its keeper renews it.
if written then redis.call('ZADD', KEYS[1], 'NX', now + tonumber(ARGV[2]), holder) end
return answers
