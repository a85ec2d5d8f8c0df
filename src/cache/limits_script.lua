-- Permits of several gates at once, of each or of none (I7): GCRA, one number a gate, the theoretical arrival time in
-- microseconds since 1970. A gate is closed while that is further ahead of `now` than its burst allows. Answers 0 when
-- every permit was taken, or else how many microseconds the gate that is closed longest stays closed.
--
-- KEYS: the gates. ARGV, three for each gate: microseconds between two permits, burst, and how many microseconds ahead
-- the node that asks knows the gate to be: what this server has forgotten, the nodes have not.
local arrivals, longest = {}, 0
for i, key in ipairs(KEYS) do
  local every, burst, known = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local ahead = math.max((tonumber(redis.call('GET', key) or nil) or now) - now, known, 0)
  -- Never more than a burst takes that is used up at once: a clock that went back closes no gate for ever.
  ahead = math.min(ahead, every * burst)
  longest = math.max(longest, ahead - every * (burst - 1))
  arrivals[i] = ahead + every
end
if longest > 0 then
  return longest
end
for i, key in ipairs(KEYS) do
  -- Once its time has come, a gate is as new, and needs no key.
  redis.call('SET', key, string.format('%.0f', now + arrivals[i]), 'PX', math.ceil(arrivals[i] / 1000))
end
return 0
