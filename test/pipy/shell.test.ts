import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectHTTP2 } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appPorts } from './apps.ts';
import { ask, type Mesh, principalName, raw, startMesh } from './mesh.ts';

const has = process.env.PIPY_BIN !== undefined;

describe.skipIf(!has)('the Pipy shell (skipped: PIPY_BIN is not set)', () => {
  let mesh: Mesh;
  let buyer: string;

  beforeAll(async () => {
    mesh = await startMesh(78);
    buyer = mesh.address('buyer');
    await mesh.allow({
      anyone: false,
      http: [{ principals: [principalName('buyer')], path: { prefix: '/' } }],
      tcp: [{ principals: [principalName('buyer')] }],
    });
  });
  afterAll(() => mesh.close());

  describe('HTTP/1.1', () => {
    it('passes a request with its query, body and headers, and no claims about the caller', async () => {
      const headers = { serviceidentity: 'admin', 'x-forwarded-client-cert': 'x', 'fsm-stats-pod': 'y', 'X-Own': 'z' };
      const answer = await ask(buyer, { path: '/echo?a=1', method: 'POST', headers, body: 'hello' });
      expect(answer.status).toBe(200);
      const seen = JSON.parse(answer.body);
      expect(seen).toMatchObject({ method: 'POST', url: '/echo?a=1', body: 'hello' });
      expect(seen.headers).toMatchObject({ 'x-own': 'z', 'content-length': '5', host: 'bookstore:8080' });
      for (const name of ['serviceidentity', 'x-forwarded-client-cert', 'fsm-stats-pod'])
        expect(seen.headers).not.toHaveProperty(name);
    });

    it('takes absolute-form targets', async () => {
      const answer = await ask(buyer, { path: `http://bookstore:${appPorts.http}/echo?b`, host: 'elsewhere' });
      expect(JSON.parse(answer.body)).toMatchObject({ url: '/echo?b', headers: { host: 'bookstore:8080' } });
    });

    it('keeps connections', async () => {
      const connection = await raw(buyer, 15001, '');
      for (let i = 0; i < 3; i++) {
        connection.socket.write(`GET /echo?${i} HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n`);
        await connection.until(`/echo?${i}`);
      }
      connection.socket.destroy();
    });

    it('streams a response piece by piece', async () => {
      const connection = await raw(buyer, 15001, 'GET /hold?s1 HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n');
      expect(await connection.until('first\n')).not.toContain('second');
      mesh.apps.events.emit('go s1');
      expect(await connection.until('second\n')).toContain('200 OK');
      connection.socket.destroy();
    });

    it('streams a request piece by piece', async () => {
      const begun = once(mesh.apps.events, 'begun u1');
      const head = 'POST /upload?u1 HTTP/1.1\r\nHost: bookstore:8080\r\nTransfer-Encoding: chunked\r\n\r\n';
      const connection = await raw(buyer, 15001, `${head}5\r\nhello\r\n`);
      await begun;
      connection.socket.write('6\r\n world\r\n0\r\n\r\n');
      expect(await connection.until('0\r\n\r\n')).toContain('11');
      connection.socket.destroy();
    });

    it('passes large bodies both ways', async () => {
      const body = 'x'.repeat(3_000_000);
      const answer = await ask(buyer, { path: '/echo', method: 'PUT', body });
      expect(JSON.parse(answer.body).body.length).toBe(body.length);
    });

    it('keeps every Set-Cookie', async () => {
      expect((await ask(buyer, { path: '/cookies' })).headers['set-cookie']).toEqual(['a=1', 'b=2']);
    });

    it('answers HEAD without a body', async () => {
      const connection = await raw(
        buyer,
        15001,
        'HEAD /echo HTTP/1.1\r\nHost: bookstore:8080\r\nConnection: close\r\n\r\n',
      );
      expect((await connection.end()).endsWith('\r\n\r\n')).toBe(true);
    });

    it('upgrades to WebSocket', async () => {
      const head = 'GET /ws HTTP/1.1\r\nHost: bookstore:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
      const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
      const connection = await raw(buyer, 15001, head + key);
      const answer = (await connection.until('\r\n\r\n')).toLowerCase();
      expect(answer).toContain('101 switching protocols');
      expect(answer).toContain('connection: upgrade');
      connection.socket.write('frame');
      await connection.until('frame');
      connection.socket.destroy();
    });
  });

  describe('what can be read in two ways', () => {
    it.each([
      ['Transfer-Encoding: Chunked'],
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding: chunked\r\nContent-Length: 5'],
      ['Content-Length: 3000000000'],
      ['Content-Length: +5'],
      ['Content-Length: 5, 5'],
    ])('%s is refused, and what follows is no request', async header => {
      const smuggled = '0\r\n\r\nGET /echo?smuggled HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n';
      const connection = await raw(
        buyer,
        15001,
        `POST /echo HTTP/1.1\r\nHost: bookstore:8080\r\n${header}\r\n\r\n${smuggled}`,
      );
      const text = await connection.end();
      expect(text).toMatch(/^HTTP\/1.1 400 /);
      expect(text).not.toContain('smuggled');
    });
  });

  it('refuses a header name with a space, which an app may take for another', async () => {
    const connection = await raw(
      buyer,
      15001,
      'GET /echo HTTP/1.1\r\nHost: bookstore:8080\r\nContent-Length : 5\r\n\r\n',
    );
    expect(await connection.until('malformed')).toContain('HTTP/1.1 400 ');
    connection.socket.destroy();
  });

  describe('an upstream that fails', () => {
    it('before its answer gives 502', async () => {
      const answer = await ask(buyer, { path: '/vanish' });
      expect(answer).toMatchObject({ status: 502, body: expect.stringContaining('upstream-closed') });
    });

    it('in the middle of its body breaks the response', async () => {
      const connection = await raw(buyer, 15001, 'GET /cut HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n');
      const text = await connection.end();
      expect(text).toContain('half');
      expect(text).not.toContain('0\r\n\r\n');
    });
  });

  describe('HTTP/2', () => {
    it('passes gRPC-like streams with trailers', async () => {
      const session = connectHTTP2(`http://${buyer}:15001`);
      const stream = session.request({
        ':method': 'POST',
        ':path': '/svc/Method',
        ':authority': 'bookstore:8081',
        te: 'trailers',
      });
      const [[head]] = await Promise.all([once(stream, 'response'), stream.write('one')]);
      expect(head).toMatchObject({ ':status': 200, 'x-path': '/svc/Method' });
      expect(String((await once(stream, 'data'))[0])).toBe('one');
      stream.end('two');
      expect(String((await once(stream, 'data'))[0])).toBe('two');
      expect((await once(stream, 'trailers'))[0]).toMatchObject({ 'grpc-status': '0' });
      session.close();
    });

    it('stays below the streams that an app allows on a connection', async () => {
      const session = connectHTTP2(`http://${buyer}:15001`, { peerMaxConcurrentStreams: 1000 });
      const streams = Array.from({ length: 250 }, () =>
        session.request({ ':method': 'POST', ':path': '/x', ':authority': 'bookstore:8081' }),
      );
      const heads = await Promise.all(
        streams.map(async stream => {
          stream.write('x');
          return (await once(stream, 'response'))[0][':status'];
        }),
      );
      expect(new Set(heads)).toEqual(new Set([200]));
      session.destroy();
    });

    it('is refused with a reason too', async () => {
      const session = connectHTTP2(`http://${mesh.address('thief')}:15001`);
      const stream = session.request({ ':path': '/x', ':authority': 'bookstore:8081' });
      expect((await once(stream, 'response'))[0]).toMatchObject({ ':status': 403 });
      session.close();
    });
  });

  describe('CONNECT', () => {
    it('carries TCP both ways and both ends', async () => {
      const connection = await raw(buyer, 15001, 'CONNECT bookstore.default:8082 HTTP/1.1\r\nHost: x\r\n\r\n');
      await connection.until('200 ');
      connection.socket.write('ping');
      await connection.until('ping');
      connection.socket.destroy();
    });

    it('stays open when it was asked with connection: close', async () => {
      const head = 'CONNECT bookstore:8082 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
      const connection = await raw(buyer, 15001, head);
      await connection.until('200 ');
      connection.socket.write('ping');
      await connection.until('ping');
      connection.socket.destroy();
    });

    it('carries protocols in which the server speaks first', async () => {
      const connection = await raw(buyer, 15001, 'CONNECT bookstore:8083 HTTP/1.1\r\nHost: x\r\n\r\n');
      expect(await connection.end()).toContain('welcome\n');
    });

    it('routes HTTP inside by request', async () => {
      const connection = await raw(buyer, 15001, 'CONNECT bookstore:8080 HTTP/1.1\r\nHost: x\r\n\r\n');
      await connection.until('200 ');
      connection.socket.write('GET /echo?inside HTTP/1.1\r\nHost: whatever\r\n\r\n');
      await connection.until('/echo?inside');
      connection.socket.destroy();
    });

    it.each([
      ['nowhere:80', 404],
      ['bookstore:1', 404],
      ['bookstore', 400],
    ])('to %s is refused with %i', async (target, status) => {
      const connection = await raw(buyer, 15001, `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect(await connection.until('\r\n\r\n')).toContain(`HTTP/1.1 ${status} `);
      connection.socket.destroy();
    });
  });

  describe('who may not', () => {
    it('is answered with 403, and the reason is in the log', async () => {
      const logged = mesh.sidecars.store.logged('a request was refused');
      const answer = await ask(mesh.address('thief'), {
        path: '/echo',
        headers: { serviceidentity: principalName('buyer') },
      });
      expect(answer).toMatchObject({ status: 403, body: expect.stringContaining('no-rule-for-principal') });
      expect(await logged).toMatchObject({ principal: principalName('thief'), reason: 'no-rule-for-principal' });
    });

    it('gets no TCP connection', async () => {
      const connection = await raw(mesh.address('thief'), 15001, 'CONNECT bookstore:8082 HTTP/1.1\r\nHost: x\r\n\r\n');
      connection.socket.write('ping');
      expect(await connection.end()).not.toContain('ping');
    });
  });

  describe('a path of 16 KB', () => {
    it.each(['/(a|b)*', '/.*x', '(/a*)+', '/a*a*a*b'])('never reaches the regex %s', async regex => {
      await mesh.allow({ anyone: false, http: [{ principals: [principalName('buyer')], path: { regex } }], tcp: [] });
      const answer = await ask(buyer, { path: `/${'a'.repeat(16_000)}` });
      expect(answer).toMatchObject({ status: 414, body: expect.stringContaining('path-too-long') });
    });
  });

  it('is refused a host that it does not know', async () => {
    const answer = await ask(buyer, { path: '/', host: 'nowhere.example' });
    expect(answer).toMatchObject({ status: 404, body: expect.stringContaining('unknown-service') });
  });

  it('keeps its connections when the configuration changes', async () => {
    await mesh.allow({ anyone: true, http: [], tcp: [{ principals: [principalName('buyer')] }] });
    const connection = await raw(buyer, 15001, 'GET /echo?before HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n');
    await connection.until('before');
    await mesh.allow({ anyone: true, http: [], tcp: [] });
    connection.socket.write('GET /echo?after HTTP/1.1\r\nHost: bookstore:8080\r\n\r\n');
    await connection.until('after');
    connection.socket.destroy();
    const thief = request({
      host: mesh.address('thief'),
      port: 15001,
      path: '/echo',
      headers: { host: 'bookstore:8080' },
    });
    thief.end();
    expect((await once(thief, 'response'))[0].statusCode).toBe(200);
  });
});
