/** Connections that end before they have said anything whole: a health check, a port scan, a client that goes away. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTLS } from 'node:tls';
import { expect } from 'vitest';
import { request, until } from '../harness/client.ts';
import { appPorts, outboundOf, type Pod } from '../harness/mesh.ts';
import { lines } from '../harness/sound.ts';
import type { Chapter, World } from '../harness/world.ts';
import { memberOf } from './identity.ts';

/** Longest that a sidecar may keep its half of such a connection. */
const keptMaxMs = 5000;

/** Has said all there is to say; the sidecar has to end the connection too. */
async function isEnded(socket: Socket, end: () => void): Promise<boolean> {
  const closed = new Promise<boolean>(resolve => {
    socket.on('error', () => socket.destroy()).once('close', () => resolve(true));
    setTimeout(() => resolve(false), keptMaxMs).unref();
  });
  end();
  socket.resume();
  const result = await closed;
  socket.destroy();
  return result;
}

async function opened(at: { readonly host: string; readonly port: number }): Promise<Socket> {
  const socket = connect(at);
  await once(socket, 'connect');
  return socket;
}

const inboundOf = ({ store }: World, port: number) => ({ host: store.spec.podAddress, port });

/** What a client says in plain TCP to a port of a pod, before it ends. */
const plainWords: Readonly<Record<string, Buffer | string>> = {
  nothing: '',
  'a part of a handshake': Buffer.from([0x16, 3, 1, 2, 0, 1]),
  'no handshake': 'GET / HTTP/1.1\r\nHost: store\r\n\r\n',
};

/** What it says once the handshake is done. */
const words: Readonly<Record<string, string>> = {
  nothing: '',
  'a part of a method': 'GE',
  'a part of a head': 'GET / HTTP/1.1\r\nHost: st',
  'a part of a body': 'POST / HTTP/1.1\r\nHost: store\r\nContent-Length: 9\r\n\r\na part',
  'a part of the preface of HTTP/2': 'PRI * HTTP/2.0\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
};

/** What others say that speak no HTTP. */
const others: Readonly<Record<string, string>> = {
  SSH: 'SSH-2.0-OpenSSH_9.2\r\n',
  Redis: '*1\r\n$4\r\nPING\r\n',
  'a method that is none': 'GE(T',
  'a method that is none, in a whole head': 'BA(D / HTTP/1.1\r\nHost: store\r\n\r\n',
};

async function sayInTLS(world: World, port: number, text: string, notifies: boolean): Promise<boolean> {
  const own = await memberOf(world);
  const tcp = await opened(inboundOf(world, port));
  const tls = connectTLS({
    socket: tcp,
    key: own.keyPem,
    cert: own.certificatePem,
    ca: world.mesh.authorities.mesh.certificatePem,
    checkServerIdentity: () => undefined,
  });
  tls.on('error', () => undefined).resume();
  await once(tls, 'secureConnect');
  if (text !== '') await new Promise(resolve => tls.write(text, resolve));
  return isEnded(tcp, () => (notifies ? tls.end() : tcp.end()));
}

/** Uploads whose connections end with them, so many at once. */
async function upload(pod: Pod, count: number): Promise<void> {
  const body = { method: 'POST', host: 'store', headers: { 'transfer-encoding': 'chunked' }, body: 'a part' };
  for (let sent = 0; sent < count; sent += 20) await Promise.all(Array.from({ length: 20 }, () => request(pod, body)));
}

const residentOf = ({ program }: Pod) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${program?.pid}/status`, 'utf8'))?.[1]);

/** Memory that may be held for each upload that is over, in KiB: a sidecar that forgets none holds 17. */
const heldMax = 8;

export const endings: Chapter = {
  ...lines(plainWords, 'a connection to a pod that ends is ended', async (world, text) => {
    for (const port of Object.values(appPorts)) {
      const socket = await opened(inboundOf(world, port));
      if (text.length > 0) socket.write(text);
      expect([port, await isEnded(socket, () => socket.end())]).toEqual([port, true]);
    }
  }),

  ...lines(words, 'a connection to a pod that ends after its handshake is ended', async (world, text) => {
    for (const port of Object.values(appPorts)) {
      for (const notifies of [true, false]) {
        expect([port, notifies, await sayInTLS(world, port, text, notifies)]).toEqual([port, notifies, true]);
      }
    }
  }),

  ...lines(words, 'a connection of an app that ends is ended', async ({ buyer }, text) => {
    const socket = await opened(outboundOf(buyer));
    if (text !== '') socket.write(text);
    expect(await isEnded(socket, () => socket.end())).toBe(true);
  }),

  ...lines(others, 'a connection of an app that speaks no HTTP is ended', async ({ buyer }, text) => {
    const socket = await opened(outboundOf(buyer));
    expect(await isEnded(socket, () => socket.write(text))).toBe(true);
  }),

  ...lines(words, 'a tunnel of an app that ends is ended', async ({ buyer }, text) => {
    for (const port of [80, 81, 82, 83]) {
      const socket = await opened(outboundOf(buyer));
      socket.write(`CONNECT store:${port} HTTP/1.1\r\nHost: store:${port}\r\n\r\n`);
      expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
      if (text !== '') socket.write(text);
      expect([port, await isEnded(socket, () => socket.end())]).toEqual([port, true]);
    }
  }),

  'a client that ends its direction before its answer has left': async ({ buyer, app }) => {
    const asked = new Promise<IncomingMessage>(resolve => {
      app.does.http = request => resolve(request);
    });
    const socket = await opened(outboundOf(buyer));
    socket.write('GET /late HTTP/1.1\r\nHost: store\r\n\r\n');
    const { socket: upstream } = await asked;
    const left = new Promise(resolve => upstream.once('close', resolve));
    expect(await isEnded(socket, () => socket.end())).toBe(true);
    await left;
  },

  'uploads that are over are forgotten': async ({ buyer, store }) => {
    const count = 1500;
    await upload(buyer, 800);
    const before = [buyer, store].map(residentOf);
    await upload(buyer, count);
    const after = [buyer, store].map(residentOf);
    // V8 gives memory back when it pleases.
    for (const [at, { driver }] of [buyer, store].entries())
      if (driver.name === 'pipy') expect(((after[at] ?? 0) - (before[at] ?? 0)) / count).toBeLessThan(heldMax);
  },
};
