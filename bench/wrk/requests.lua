-- Sends the bodies of a file in turns (a line each). What is not a success is an error, and so is, where EXPECTED is not
-- empty, an answer that has it not in it: to look at bodies, wrk calls Lua for every answer.
local method, path, file, expected, first = nil, nil, nil, nil, nil
local requests, place = {}, 0
local threads = {}
bad = 0
sample = ""

local function look(status, headers, body)
  if status ~= 200 and status ~= 202 or not string.find(body, expected, 1, true) then
    bad = bad + 1
    if sample == "" then sample = status .. " " .. string.sub(body, 1, 300) end
  end
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  method, path, file, expected = args[1], args[2], args[3], args[4]
  if expected ~= "" then response = look end
  if file == "-" then
    requests[1] = wrk.format(method, path)
  else
    for line in io.lines(file) do
      requests[#requests + 1] = wrk.format(method, path, {["Content-Type"] = "application/json",
                                                          ["User-Agent"] = "Mozilla/5.0"}, line)
    end
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function done(summary, latency, requests)
  local wrong, first = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("bad")
    if first == "" then first = thread:get("sample") end
  end
  local errors = summary.errors
  io.write(string.format(
    "RESULT %d %d %d %d %f %f %s\n", summary.requests, summary.duration, math.max(wrong, errors.status),
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), first))
end
