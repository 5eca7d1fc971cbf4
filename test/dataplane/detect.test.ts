import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { detect, detectProtocol } from '../../src/dataplane/node/detect.ts';
import { endToEnd } from '../../src/dataplane/node/headers.ts';

test.each([
  ['GET / HTTP/1.1', 'http1'],
  ['PROPFIND /', 'http1'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
  ['PRI * HTTP/2.0\r\n\r\nXX', 'tcp'],
  ['PRI /', 'tcp'],
  ['get / HTTP/1.1', 'http1'],
  ['GETTER x', undefined],
  ['GETTER x y', 'tcp'],
  ['GETTER x\r\n', 'tcp'],
  ['FOO / HT', undefined],
  ['FOO / HTTP/1.1', 'http1'],
  ["!#$%&'*+-.^_`|~ / HTTP/1.1", 'http1'],
  ['FO(O / HTTP/1.1', 'tcp'],
  [`${'F'.repeat(64)} / HTTP/1.1`, 'http1'],
  ['F'.repeat(65), 'tcp'],
  [`FOO /${'a'.repeat(8192)}`, 'tcp'],
  ['\r\n', undefined],
  ['\r\n\r\nGET /', 'http1'],
  ['\r\nFOO / HTTP/1.0', 'http1'],
  ['\r\r', 'tcp'],
  ['\u0016\u0003\u0001', 'tcp'],
  ['PR', undefined],
  ['GET', undefined],
])('%j is %s', (text, protocol) => {
  expect(detect(Buffer.from(text))).toBe(protocol);
});

test('bytes that were looked at are there to be read', async () => {
  const socket = new PassThrough();
  const detected = new Promise(resolve => detectProtocol(socket, 10_000, resolve));
  for (const byte of 'GET /') socket.write(byte);
  expect(await detected).toBe('http1');
  socket.end(' HTTP/1.1');
  const chunks = [];
  for await (const chunk of socket) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('GET / HTTP/1.1');
});

test('headers of the connection and claims of identity end here, whatever their spelling', () => {
  const kept = ['Accept', 'Trailer', 'Expect'].map(name => [name, 'x'] as const);
  const dropped = [
    'Connection',
    'TE',
    'keep-alive',
    'Transfer-Encoding',
    'UPGRADE',
    'X-Own',
    'ServiceIdentity',
    'FSM-Stats-A',
  ];
  const list = [...kept, ...dropped.map(name => [name, name === 'Connection' ? 'close, X-OWN' : 'x'] as const)];
  expect(endToEnd(list)).toEqual(kept);
});
