/** Every target that this machine has, asked for what it says that it speaks. */
import { connect as connectTLS } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Keeper } from '../../../bench/run/keeper.ts';
import { ask } from '../../../bench/targets/ask.ts';
import { targets } from '../../../bench/targets/index.ts';
import { ports } from '../../../bench/targets/places.ts';
import { isRoot, onPath } from '../../../bench/targets/programs.ts';
import type { Running, Site, Target } from '../../../bench/targets/target.ts';
import { createSite, type TestSite } from './site.ts';

/** Bytes of an answer: nothing to join, more than one read, more than one frame of HTTP/2. */
const sizes = [1, 1000, 40_000];

/** Targets that are two proxies with mutual TLS between them. */
const mutual = /-pair$/;

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
    expect(running.processes).toHaveLength(processesOf(target.name));
  });

  if (mutual.test(target.name))
    test('the server’s half wants a certificate', async () => {
      expect(await withoutCertificate(site.address(2))).not.toContain('200 OK');
    });
}

function processesOf(name: string): number {
  if (name.startsWith('direct')) return 0;
  return mutual.test(name) ? 2 : 1;
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
