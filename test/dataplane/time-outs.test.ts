/** The servers inside the Node shell do not listen, so the bounds of Node's own do not run: these are the shell's. */
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { detectProtocol } from '../../src/dataplane/node/detect.ts';
import { createHTTP1Server } from '../../src/dataplane/node/http1.ts';
import { createHTTP2Server } from '../../src/dataplane/node/http2.ts';
import { refuse } from '../../src/dataplane/node/refuse.ts';
import { beginning, headOf } from './harness/frames.ts';

const keepAliveMs = 1000;
const headMs = 60_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const told = { status: 404, reason: 'nobody', detail: 'x' };
const handlers = {
  exchange: (exchange: Parameters<typeof refuse>[0]) => refuse(exchange, told),
  connect: (_authority: string, socket: Duplex) => void socket.destroy(),
  malformed: () => undefined,
  unexpected: (error: Error) => {
    throw error;
  },
};

/** A connection with both ends; `turn` lets what was written arrive. */
function connection(): { ours: Duplex; theirs: Duplex; turn(): Promise<void> } {
  const [ours, theirs] = duplexPair();
  for (const end of [ours, theirs]) end.on('error', () => end.destroy());
  theirs.resume();
  return { ours, theirs, turn: () => new Promise(resolve => setImmediate(() => setImmediate(resolve))) };
}

test('a head of HTTP/1.1 that comes bit by bit has a bound', async () => {
  const { ours, theirs, turn } = connection();
  createHTTP1Server(handlers, () => keepAliveMs).serve(ours);
  for (const byte of 'GET / HTTP/1.1\r\nX: ') {
    theirs.write(byte);
    await turn();
    vi.advanceTimersByTime(1000);
  }
  expect(ours.destroyed).toBe(false);
  vi.advanceTimersByTime(headMs);
  expect(ours.destroyed).toBe(true);
});

test('a connection that has been answered has the bound again, and each request a new one', async () => {
  const { ours, theirs, turn } = connection();
  createHTTP1Server(handlers, () => keepAliveMs).serve(ours);
  for (let n = 0; n < 3; n++) {
    theirs.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await turn();
    await turn();
    vi.advanceTimersByTime(headMs / 2);
    expect(ours.destroyed).toBe(false);
  }
  theirs.write('GET');
  await turn();
  vi.advanceTimersByTime(headMs + keepAliveMs);
  expect(ours.destroyed).toBe(true);
});

test('a connection of HTTP/2 without a stream has a bound, whatever comes on it', async () => {
  const { ours, theirs, turn } = connection();
  createHTTP2Server(handlers, () => keepAliveMs).serve(ours);
  theirs.write(beginning);
  await turn();
  vi.advanceTimersByTime(keepAliveMs / 2);
  // A part of a head.
  theirs.write(headOf(1, { ':method': 'GET' }).subarray(0, 12));
  await turn();
  expect(ours.destroyed).toBe(false);
  vi.advanceTimersByTime(keepAliveMs);
  await turn();
  // The client does not close its side.
  vi.advanceTimersByTime(5000);
  expect(ours.destroyed).toBe(true);
});

test('the first bytes of a connection have a bound', async () => {
  const { ours, theirs, turn } = connection();
  const found: string[] = [];
  detectProtocol(ours, 5000, protocol => found.push(protocol));
  for (const byte of 'FOO') {
    theirs.write(byte);
    await turn();
    vi.advanceTimersByTime(1000);
  }
  vi.advanceTimersByTime(3000);
  expect([ours.destroyed, found]).toEqual([true, []]);
});
