/** Connections that end before they have said anything whole: a health check, a port scan, a client that goes away. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTLS } from 'node:tls';
import { expect } from 'vitest';
import { until } from '../harness/client.ts';
import { appPorts, outboundOf } from '../harness/mesh.ts';
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

  ...lines(words, 'a tunnel of an app that ends is ended', async ({ buyer }, text) => {
    for (const port of [80, 81, 82, 83]) {
      const socket = await opened(outboundOf(buyer));
      socket.write(`CONNECT store:${port} HTTP/1.1\r\nHost: store:${port}\r\n\r\n`);
      expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
      if (text !== '') socket.write(text);
      expect([port, await isEnded(socket, () => socket.end())]).toEqual([port, true]);
    }
  }),
};
