// Health of the local chain in its container, which has Node and no Python: does it answer with its chain id?
const request = { jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] };
const answer = await fetch(process.env.RPC_URL ?? "http://127.0.0.1:8545", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(request),
  signal: AbortSignal.timeout(2000),
}).then((response) => response.json());
process.exit(answer.result ? 0 : 1);
