/** What is no right answer is seen, on every protocol. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHTTP2Server } from 'node:http2';
import { type AddressInfo, createServer as createTCPServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { PacketReader, packet, packets } from '../../../bench/load/protocols/mqtt-packets.ts';
import type { Endpoint } from '../../../bench/model.ts';
import { answering, ask } from '../../../bench/targets/ask.ts';
import { acceptOf, frameOf, opcodes } from '../../../bench/targets/frames.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function endpointOf(server: Server, path = '/bytes/<n>'): Promise<Endpoint> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { host: '127.0.0.1', port, authority: 'app.bench', path };
}

test('HTTP/1.1: another status, another length, no answer', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/bytes/3') response.end('xx');
    else if (request.url === '/bytes/4') response.writeHead(500).end('xxxx');
    else request.socket.destroy();
  });
  const endpoint = await endpointOf(server);
  await expect(ask('http1', endpoint, 3)).rejects.toThrow('bytes: 2 and not 3');
  await expect(ask('http1', endpoint, 4)).rejects.toThrow('status: 500 and not 200');
  await expect(ask('http1', endpoint, 5)).rejects.toThrow('socket hang up');
});

test('HTTP/2: another length', async () => {
  const server = createHTTP2Server().on('stream', stream => {
    stream.respond({ ':status': 200 });
    stream.end('xx');
  });
  await expect(ask('http2', await endpointOf(server), 3)).rejects.toThrow('bytes: 2 and not 3');
});

test('gRPC: another message, no status', async () => {
  const server = createHTTP2Server().on('stream', (stream, headers) => {
    stream.respond({ ':status': 200 });
    if (headers[':path'] === '/echo') stream.pipe(stream);
    else stream.end('xx');
  });
  const endpoint = await endpointOf(server, '/echo');
  await expect(ask('grpc', endpoint, 3)).rejects.toThrow('grpc-status: undefined and not 0');
  await expect(ask('grpc', { ...endpoint, path: '/' }, 3)).rejects.toThrow('the same message: false');
});

test('TCP: other bytes, and an end', async () => {
  const server = createTCPServer(socket => {
    socket.once('data', chunk => (chunk.length === 3 ? socket.write('abc') : socket.end('z')));
  });
  const endpoint = await endpointOf(server);
  await expect(ask('tcp', endpoint, 3)).rejects.toThrow('the same bytes: false');
  await expect(ask('tcp', endpoint, 4)).rejects.toThrow('closed after 1 bytes');
});

test('TCP: through a CONNECT where the endpoint says so', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer().on('connect', (request, socket) => {
    seen.push(request.url);
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    socket.pipe(socket);
  });
  await ask('tcp', { ...(await endpointOf(server)), connect: 'app.bench:14004' }, 3);
  expect(seen).toEqual(['app.bench:14004']);
});

test('MQTT: refused, and another message', async () => {
  const server = createTCPServer(socket => {
    const reader = new PacketReader();
    socket.on('data', chunk => {
      for (const { type, body } of reader.push(chunk)) socket.write(answerOf(type, body));
    });
  });
  const code = { connack: 0 };
  const answerOf = (type: number, body: Buffer): Buffer => {
    if (type === packets.connect) return packet(packets.connack, Buffer.from([0, code.connack, 0]));
    if (type === packets.subscribe) return packet(packets.suback, Buffer.from([0, 1, 0, 0]));
    return packet(packets.publish, body.map(byte => (byte === 'm'.charCodeAt(0) ? 0 : byte)) as Buffer);
  };
  const endpoint = await endpointOf(server);
  await expect(ask('mqtt', endpoint, 3)).rejects.toThrow('the same message: false');
  code.connack = 0x87;
  await expect(ask('mqtt', endpoint, 3)).rejects.toThrow('reason code of CONNACK: 135 and not 0');
});

test('WebSocket: no upgrade, another key’s accept, another message', async () => {
  const server = createServer((_, response) => response.end()).on('upgrade', ({ headers, url }, socket) => {
    const key = url === '/key' ? 'another' : String(headers['sec-websocket-key']);
    const lines = ['connection: upgrade', 'upgrade: websocket', `sec-websocket-accept: ${acceptOf(key)}`];
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
    socket.write(frameOf({ opcode: opcodes.binary, payload: Buffer.from('no') }));
    socket.on('error', () => socket.destroy());
  });
  const endpoint = await endpointOf(server, '/key');
  await expect(ask('websocket', endpoint, 2)).rejects.toThrow('accept: ');
  await expect(ask('websocket', { ...endpoint, path: '/' }, 2)).rejects.toThrow('the same message: false');
  server.removeAllListeners('upgrade');
  await expect(ask('websocket', endpoint, 2)).rejects.toThrow('status: 200 and not 101');
});

test('what does not answer in time is named with the last reason', async () => {
  const endpoint = await endpointOf(createServer((_, response) => response.writeHead(503).end()));
  const message = `no right answer of http1 from 127.0.0.1:${endpoint.port}: status: 503 and not 200`;
  await expect(answering('http1', endpoint, { withinMs: 0 })).rejects.toThrow(message);
});
