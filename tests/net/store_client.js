// SPDX-License-Identifier: BSD-3-Clause
// Clients of the store with ioredis: store_client.js HOST PORT [cluster]. NODE_PATH says where it
// is installed.
const assert = require("assert");
const Redis = require("ioredis");

const [host, port, kind] = process.argv.slice(2);

async function run() {
	const target = { host, port: Number(port) };
	const redis = kind === "cluster" ? new Redis.Cluster([target]) : new Redis(target);
	assert.strictEqual(await redis.set("js:message", "Hello, World!"), "OK");
	assert.strictEqual(await redis.get("js:message"), "Hello, World!");
	assert.strictEqual(await redis.get("js:none"), null);
	const big = Buffer.alloc(2 << 20, "0123456789abcdef!");
	await redis.set("js:big", big);
	assert.ok(big.equals(await redis.getBuffer("js:big")));
	// All of these are under way at once.
	const n = 2000;
	await Promise.all([...Array(n).keys()].map((i) => redis.set(`js:${i}`, i)));
	const got = await Promise.all([...Array(n).keys()].map((i) => redis.get(`js:${i}`)));
	got.forEach((value, i) => assert.strictEqual(value, String(i)));
	const results = await redis.multi().set("{js}a", 1).incr("{js}a").get("{js}a").exec();
	assert.deepStrictEqual(results, [[null, "OK"], [null, 2], [null, "2"]]);
	await assert.rejects(redis.incr("js:message"), /not an integer/);
	if (kind !== "cluster") {
		const found = new Set();
		for await (const keys of redis.scanStream({ match: "js:[0-9]*", count: 200 }))
			keys.forEach((key) => found.add(key));
		assert.strictEqual(found.size, n);
	} else {
		assert.strictEqual(redis.nodes("master").length, 2);
	}
	await redis.quit();
	console.log("ok");
}

run().catch((e) => {
	console.error(e);
	process.exit(1);
});
