/** Every target that this machine has, asked for what it says that it speaks. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTLS } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Endpoint, Protocol } from '../../../bench/model.ts';
import { Keeper } from '../../../bench/run/keeper.ts';
import { ask, openStream } from '../../../bench/targets/ask.ts';
import { targets } from '../../../bench/targets/index.ts';
import { ports } from '../../../bench/targets/places.ts';
import { isRoot, onPath } from '../../../bench/targets/programs.ts';
import type { Running, Site, Target } from '../../../bench/targets/target.ts';
import { createSite, type TestSite } from './site.ts';

/** Bytes of an answer: nothing to join, more than one read, more than one frame of HTTP/2. */
const sizes = [1, 1000, 40_000];

/** Targets that are two proxies, and those that have mutual TLS between them. */
const isPair = ({ name }: Target) => name.endsWith('-pair');
const isMutual = (target: Target) => isPair(target) && target.name !== 'pipy-plain-pair';

test('targets have names of their own', () => {
  expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
});

const keeper = new Keeper();
afterAll(() => keeper.close());

for (const target of targets) {
  const found = await target.find(keeper.print);
  if ('version' in found)
    describe(`${target.name} ${found.version}`, () => {
      answers(target);
      usesEveryUpstream(target);
      startsWithoutCapabilities(target);
    });
  else test.skip(`${target.name} is not tested: ${found.why}`, () => undefined);
}

/** Root without capabilities, as in a pod, may not become another user. */
const setpriv = onPath('setpriv');

function startsWithoutCapabilities(target: Target): void {
  test.skipIf(!isRoot || setpriv === undefined)('starts as root without any capability', async () => {
    const own = await createSite();
    const bare = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
    const start: Site['start'] = ({ file, args, env = {} }, role, name) =>
      own.start({ file: setpriv ?? '', args: [...bare, file, ...args], env }, role, name);
    await (await target.start({ ...own, start })).close();
    await own.close();
  });
}

function answers(target: Target): void {
  let site: TestSite;
  let running: Running;

  beforeAll(async () => {
    site = await createSite();
    running = await target.start(site);
  });

  afterAll(async () => {
    await running?.close();
    await site?.close();
  });

  test.each(target.protocols)('answers rightly over %s', async protocol => {
    for (const size of sizes) await ask(protocol, running.endpoint(protocol), size);
  });

  test('its processes run, and are its own', () => {
    for (const { pid } of running.processes) expect(process.kill(pid, 0)).toBe(true);
    expect(running.processes).toHaveLength(processesOf(target));
  });

  if (isMutual(target))
    test('the server’s half wants a certificate', async () => {
      expect(await withoutCertificate(site.address(2))).not.toContain('200 OK');
    });
}

/** What stands before the app: the others are the app, or in its place. */
const isProxy = ({ name }: Target) => !name.startsWith('direct') && name !== 'mosquitto';

function usesEveryUpstream(target: Target): void {
  if (!isProxy(target)) return;
  describe('before three upstreams', () => {
    let own: TestSite;
    let running: Running;
    const places = (protocol: Protocol) => [0, 1, 2].map(at => own.app(protocol, at));

    beforeAll(async () => {
      own = await createSite({ upstreams: 3 });
      running = await target.start(own);
    });

    afterAll(async () => {
      await running?.close();
      await own?.close();
    });

    test('a pair has a server’s half for each', () => {
      expect(running.processes).toHaveLength(isPair(target) ? 4 : 1);
    });

    if (target.protocols.includes('tcp'))
      test('connections go to each in its turn', async () => {
        const over = new AbortController();
        onTestFinished(() => over.abort());
        for (const _ of places('tcp')) {
          const socket = await openStream(running.endpoint('tcp'), over.signal);
          socket.write('x');
          await once(socket, 'data');
        }
        expect(places('tcp').map(keptConnections)).toEqual([1, 1, 1]);
      });

    // Proxies keep their connections to the app; those of everybody who has asked it are closed.
    test.each(target.protocols.filter(protocol => ['http1', 'http2', 'grpc'].includes(protocol)))(
      'requests of %s go to all',
      async protocol => {
        for (let asked = 0; asked < 6; asked++) await ask(protocol, running.endpoint(protocol), 1);
        expect(places(protocol).map(keptConnections)).not.toContain(0);
      },
    );
  });
}

/** Connections that the app at a place has, as the kernel lists them: addresses are of four bytes, the last one first. */
function keptConnections({ host, port }: Endpoint): number {
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  const bytes = host.split('.').map(part => hex(Number(part), 2));
  const local = `${bytes.toReversed().join('')}:${hex(port, 4)}`;
  const established = '01';
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, own, , state]) => own === local && state === established).length;
}

function processesOf(target: Target): number {
  if (target.name.startsWith('direct')) return 0;
  return isPair(target) ? 2 : 1;
}

/** What a client gets that encrypts and says nothing of itself. */
function withoutCertificate(host: string): Promise<string> {
  return new Promise(resolve => {
    let text = '';
    const socket = connectTLS({ host, port: ports.http1, rejectUnauthorized: false });
    socket.write('GET /bytes/1 HTTP/1.1\r\nhost: app.bench:14001\r\nconnection: close\r\n\r\n');
    socket.on('data', chunk => {
      text += chunk;
    });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve(text));
  });
}
