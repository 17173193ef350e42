# SPDX-License-Identifier: BSD-3-Clause
# A client of the store with Debian's ruby-redis: store_client.rb HOST PORT.
require "redis"

def check(what, want, have)
  abort "#{what}: #{have.inspect} instead of #{want.inspect}" unless have == want
end

redis = Redis.new(host: ARGV[0], port: ARGV[1].to_i)
check "set", "OK", redis.set("rb:message", "Hello, World!")
check "get", "Hello, World!", redis.get("rb:message")
check "none", nil, redis.get("rb:none")
check "pipeline", (1..500).to_a, redis.pipelined { |p| 500.times { p.incr("rb:n") } }
check "multi", ["OK", "7"], redis.multi { |m| m.set("rb:a", 7); m.get("rb:a") }
check "mget", ["Hello, World!", nil, "7"], redis.mget("rb:message", "rb:none", "rb:a")
big = Random.new(1).bytes(2 << 20)
redis.set("rb:big", big)
check "big", true, redis.get("rb:big").b == big
begin
  redis.incr("rb:message")
  abort "INCR of a text is no error"
rescue Redis::CommandError => e
  check "error", "ERR value is not an integer or out of range", e.message
end
puts "ok"
