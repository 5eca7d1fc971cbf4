/** Closed-loop load by autocannon, in a process of its own: `node bench/load.ts <url> <host> <connections> <seconds>`. */
import autocannon from 'autocannon';

const [url = '', host = '', connections = '16', seconds = '3'] = process.argv.slice(2);
const result = await autocannon({
  url,
  connections: Number(connections),
  duration: Number(seconds),
  pipelining: 1,
  headers: { host },
});
const { requests, latency, errors, timeouts, non2xx } = result;
console.log(
  JSON.stringify({
    total: requests.total,
    perSecond: requests.average,
    p50Ms: latency.p50,
    p99Ms: latency.p99,
    errors,
    timeouts,
    non2xx,
  }),
);
