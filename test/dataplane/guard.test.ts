import { PassThrough, Readable, Writable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import type { Exchange, ResponseHead } from '../../src/dataplane/node/exchange.ts';
import { forward } from '../../src/dataplane/node/forward.ts';
import { guarded, logUnexpected, surviveUnexpected } from '../../src/dataplane/node/guard.ts';
import { createLogger, writerTo } from '../../src/dataplane/node/log.ts';
import { createPool } from '../../src/dataplane/node/upstreams.ts';

test('what is guarded throws nothing, not even when what ends it throws', () => {
  const failed = vi.fn(() => {
    throw new Error('again');
  });
  const run = guarded((text: string) => {
    throw new Error(text);
  }, failed);
  expect(() => run('once')).not.toThrow();
  expect(failed).toHaveBeenCalledWith(new Error('once'));
});

test('what nobody foresaw is logged as an error with an id, its code and where it was thrown', () => {
  const lines: unknown[] = [];
  const id = logUnexpected((...line) => lines.push(line), 'here', new TypeError('odd'), { port: 1 });
  expect(id).toMatch(/^[0-9a-f]{8}$/);
  const fields = { port: 1, where: 'here', id, stack: expect.stringContaining('guard.test.ts') };
  expect(lines).toEqual([['error', 'something unexpected failed', expect.objectContaining(fields)]]);
});

test('an exception that nobody caught is logged, and the process goes on', () => {
  const before = process.listeners('uncaughtException');
  const log = vi.fn();
  surviveUnexpected(log);
  const [added] = process.listeners('uncaughtException').filter(each => !before.includes(each));
  added?.(new Error('lost'), 'uncaughtException');
  if (added !== undefined) process.off('uncaughtException', added);
  expect(log).toHaveBeenCalledWith('error', expect.any(String), expect.objectContaining({ where: 'process' }));
});

test('a log that nobody can read any more ends nothing', async () => {
  const pipe = new Writable({ write: (_chunk, _encoding, done) => done(new Error('write EPIPE')) });
  const log = createLogger(writerTo(pipe), () => 'info', {});
  const closed = new Promise(resolve => pipe.on('close', resolve));
  log('info', 'one');
  await closed;
  expect(() => log('info', 'two')).not.toThrow();
});

/** An exchange whose client sent what makes a call throw. */
function exchange(answers: ResponseHead[], more: Partial<Exchange>): Exchange {
  return {
    version: 1,
    method: 'GET',
    target: '/',
    authority: 'x',
    headers: [],
    hasBody: false,
    takesTrailers: false,
    upgrade: false,
    body: Readable.from([]),
    isWhole: () => true,
    trailers: () => [],
    inform: () => undefined,
    respond: head => {
      answers.push(head);
      return { stream: new PassThrough(), finish: () => undefined };
    },
    switchProtocols: () => new PassThrough(),
    abort: () => undefined,
    giveBack: null,
    onGone: () => undefined,
    ...more,
  };
}

test.each<readonly [string, Partial<Exchange>, 1 | 2]>([
  ['a method that is no token', { method: 'G T' }, 1],
  ['a target with a blank', { target: '/a b' }, 1],
  ['a header that is none', { headers: [['a b', 'c']] }, 1],
  ['a value with a line end', { headers: [['a', 'b\r\nc']] }, 1],
  ['a header of the connection', { headers: [['connection', 'close']] }, 2],
  ['an upstream that cannot be dialled', {}, 1],
])('an exchange that throws on its way costs itself: %s', (_name, more, version) => {
  const unexpected = vi.fn(() => 'the-id');
  const unanswered = vi.fn();
  const dial = () => {
    throw new Error('no');
  };
  const pool = createPool(1000);
  const to = {
    upstream: { key: 'x', isSidecar: false, dial },
    pool,
    version,
    idleTimeoutMs: 1000,
    broken: vi.fn(),
    unanswered,
    unexpected,
  };
  expect(() => forward(exchange([], more), to)).not.toThrow();
  expect(unexpected).toHaveBeenCalledTimes(1);
  const failure = { status: 502, reason: 'unexpected', detail: expect.stringContaining('the-id') };
  expect(unanswered).toHaveBeenCalledExactlyOnceWith(failure);
  pool.close();
});
