import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Caller } from '../../perf/caller.ts';

const bytes = 64;
const servers: Server[] = [];
const callers: Caller[] = [];

afterEach(() => {
  for (const caller of callers.splice(0)) caller.close();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A caller of a server that answers like this; `sockets` are its connections. */
async function called(answer: (response: ServerResponse) => void, connections = 1) {
  const sockets: Socket[] = [];
  const server = createServer((_, response) => answer(response)).on('connection', socket => sockets.push(socket));
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoint = { host: '127.0.0.1', port, authority: `app:${port}`, path: `/bytes/${bytes}` };
  const callee = { name: 'new pair', endpoint, pids: [process.pid], app: [], payloadBytes: bytes };
  const caller = new Caller(callee, connections);
  callers.push(caller);
  return { caller, sockets };
}

const right = (response: ServerResponse) => void response.end('x'.repeat(bytes));

it('sends as many requests as it is told, on all connections, and counts CPU time', async () => {
  const { caller, sockets } = await called(right, 4);
  const burst = await caller.burst(20);
  expect(burst.latenciesUs).toHaveLength(20);
  expect(sockets).toHaveLength(4);
  expect(burst.us).toBeGreaterThan(Math.max(...burst.latenciesUs) - 1);
  expect(burst.targetUs).toBeGreaterThan(0);
  expect(burst.appUs).toBe(0);
  expect((await caller.burst(3)).latenciesUs).toHaveLength(3);
});

it('takes no wrong answer, and says whose it was', async () => {
  const { caller } = await called(response => void response.writeHead(503).end());
  await expect(caller.burst(5)).rejects.toThrow('new pair: status 503');
});

it('takes no connection that breaks in a burst', async () => {
  let count = 0;
  const { caller } = await called(response => (++count === 3 ? response.destroy() : right(response)));
  await expect(caller.burst(5)).rejects.toThrow('new pair: ');
});

it('takes none that broke between bursts either', async () => {
  const { caller, sockets } = await called(right);
  await caller.burst(2);
  sockets[0]?.destroy();
  // The next connection shows that the end of this one has been seen.
  await once(servers[0] as Server, 'connection');
  await expect(caller.burst(2)).rejects.toThrow('new pair: ');
});
