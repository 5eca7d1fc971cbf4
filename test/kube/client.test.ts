import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ClusterAccess } from '../../src/kube/access.ts';
import { type ClientOptions, createClient } from '../../src/kube/client.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { pod, podList, startScriptedServer, status } from './scripted-server.ts';

const pods = { kind: 'Pod', group: '', version: 'v1', plural: 'pods', namespaced: true };
const cart = { namespace: 'shop', name: 'cart' };

async function start(options: ClientOptions = {}, access: Partial<ClusterAccess> = {}) {
  const server = await startScriptedServer();
  const client = createClient({ server: server.url, ...access }, options);
  const close = async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  };
  return { server, client, [Symbol.asyncDispose]: close };
}

/** What a request that must fail failed with. */
async function failureOf(request: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await request.then(
    () => undefined,
    caught => caught,
  );
  if (error instanceof KubeError) return error;
  throw new TypeError(`not a KubeError: ${error}`);
}

it.each([429, 503])('comes back when the server asks for it with %i', async code => {
  await using api = await start();
  const answer = api.client.get(pods, cart);
  (await api.server.next()).json(status(code, 'Busy'), code, { 'retry-after': '0.005' });
  (await api.server.next()).json(pod('cart', '7'));
  expect(await answer).toMatchObject({ metadata: { name: 'cart' } });
});

it('gives up when the server asks for it too often, or for too long', async () => {
  await using api = await start();
  const often = failureOf(api.client.get(pods, cart, { retries: 1 }));
  for (const _ of [1, 2]) (await api.server.next()).json(status(429, 'Busy'), 429, { 'retry-after': '0.005' });
  expect(await often).toMatchObject({ status: 429, reason: 'Busy', retryAfterMs: 5 });
  const long = failureOf(api.client.get(pods, cart));
  (await api.server.next()).json(status(429, 'Busy'), 429, { 'retry-after': '600' });
  expect((await long).retryAfterMs).toBe(600_000);
  expect(api.server.waiting).toBe(0);
});

it('does not repeat what the server may have done', async () => {
  await using api = await start();
  // Over a connection that was idle, which is where a repetition would be tempting.
  const before = api.client.get(pods, cart);
  (await api.server.next()).json(pod('cart', '7'));
  await before;
  const answer = failureOf(api.client.create(pods, { metadata: cart }));
  (await api.server.next()).cut();
  expect(await answer).toMatchObject({ status: 0, problem: { code: 'FSM4002', object: { kind: 'Pod', ...cart } } });
  expect(api.server.waiting).toBe(0);
});

it('reads again on a new connection when the server closed the idle one', async () => {
  await using api = await start();
  const first = api.client.get(pods, cart);
  (await api.server.next()).json(pod('cart', '7'));
  await first;
  const second = api.client.get(pods, cart);
  (await api.server.next()).cut();
  (await api.server.next()).json(pod('cart', '8'));
  expect(await second).toMatchObject({ metadata: { resourceVersion: '8' } });
});

it('waits only so long, and says for what', async () => {
  await using api = await start({ timeoutMs: 20 });
  const error = await failureOf(api.client.get(pods, cart));
  expect(error.problem.what).toBe(`get Pod shop/cart got no answer from ${api.server.url}: timed out`);
  const half = failureOf(api.client.get(pods, cart));
  await api.server.next();
  await (await api.server.next()).write('{"metadata":');
  expect((await half).problem.what).toMatch(/timed out$/);
});

it('reads only so much', async () => {
  await using api = await start({ maxBytes: 1000 });
  const answer = failureOf(api.client.list(pods));
  (await api.server.next()).json(podList('1', [pod('a', '1', { text: 'x'.repeat(1000) })]));
  expect((await answer).problem.what).toMatch(/the answer is longer than 1000 bytes$/);
});

it.each([
  ['text', 'welcome', /not JSON: welcome/],
  ['an object that is none', '[]', /not an object/],
])('does not take %s for an object', async (_, body, words) => {
  await using api = await start();
  const answer = failureOf(api.client.get(pods, cart));
  (await api.server.next()).response.end(body);
  expect((await answer).problem).toMatchObject({ code: 'FSM4001', what: expect.stringMatching(words) });
});

it('shows what a proxy in between has to say', async () => {
  await using api = await start();
  const answer = failureOf(api.client.list(pods));
  (await api.server.next()).response.writeHead(502).end('<h1>bad gateway</h1>\n');
  expect((await answer).message).toBe(
    'FSM4001: list pods was answered with 502: <h1>bad gateway</h1>; the server is not well. ' +
      'Fix: look at the log of the Kubernetes API server',
  );
});

it('says which verb to allow', async () => {
  await using api = await start();
  const answer = failureOf(api.client.patch(pods, { ...cart, subresource: 'status' }, 'merge', {}));
  (await api.server.next()).json(status(403, 'Forbidden'), 403);
  expect((await answer).problem).toMatchObject({
    what: 'patch Pod shop/cart, its status was answered with 403 Forbidden: Forbidden on purpose',
    fix: 'allow the verb "patch" in a Role or ClusterRole that is bound to this account',
  });
});

it('reads a token from its file for each request, and shows it to nobody', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fsm-token-'));
  const tokenFile = join(folder, 'token');
  await using api = await start({}, { tokenFile });
  for (const token of ['the-first', 'the-second']) {
    await writeFile(tokenFile, `${token}\n`);
    const answer = failureOf(api.client.get(pods, cart));
    const exchange = await api.server.next();
    expect(exchange.headers.authorization).toBe(`Bearer ${token}`);
    exchange.json(status(401, 'Unauthorized'), 401);
    expect(JSON.stringify((await answer).problem) + (await answer).stack).not.toContain(token);
  }
  await rm(folder, { recursive: true });
});
