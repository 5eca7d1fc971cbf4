/** A small server of Node for each protocol, and a plan for it. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer as createHTTP } from 'node:http';
import { createServer as createHTTP2, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTCP } from 'node:net';
import { createServer as createTLS } from 'node:tls';
import { PacketReader, packet, packets } from '../../../bench/load/protocols/mqtt-packets.ts';
import type { Endpoint, LoadPlan, Protocol } from '../../../bench/model.ts';
import { createRootIssuer } from '../../../src/identity/issuer.ts';
import { createRoot } from '../../../src/identity/root.ts';
import { listen, planFor } from './load.ts';

/** Its server may do `worse`: answer what is wrong. */
type Serve = (worse: boolean) => Promise<{ readonly port: number; readonly endpoint?: Partial<Endpoint> }>;

const message = (worse: boolean, length = 64) => Buffer.alloc(worse ? length - 1 : length, 'x');

/** A GET of HTTP/2, or a call of gRPC; the trailer says whether it went well. */
function respond(stream: ServerHttp2Stream, isCall: boolean, worse: boolean): void {
  if (!isCall) {
    stream.respond({ ':status': 200 });
    stream.end(message(worse));
    return;
  }
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': worse ? '13' : '0' }));
  stream.pipe(stream);
}

async function authority() {
  const now = Date.now;
  const root = await createRoot({ trustDomain: 'cluster.local', purpose: 'mesh', validityMs: 3600_000, now });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const identity = { trustDomain: 'cluster.local', namespace: 'bench', serviceAccount: 'app', podUid: 'app' };
  const spki = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const issued = await createRootIssuer(root).issue({ publicKey: spki, identity, validityMs: 3600_000 });
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { ca: root.certificatePem, cert: issued.certificatePem, key };
}

const accepts = (key: string) =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** Servers by what they speak. */
export const servers: Readonly<Record<Protocol, Serve>> = {
  async http1(worse) {
    const server = createHTTP((request, response) => {
      const right = request.url === '/bytes/64' && request.headers.host === 'app.test';
      response.writeHead(right ? 200 : 404).end(message(worse));
    });
    return { port: await listen(server) };
  },
  async http2(worse) {
    const server = createHTTP2().on('stream', stream => respond(stream, false, worse));
    return { port: await listen(server) };
  },
  async grpc(worse) {
    const server = createHTTP2().on('stream', (stream, headers) => {
      respond(stream, headers[':path'] === '/echo.Echo/Echo' && headers.te === 'trailers', worse);
    });
    return { port: await listen(server), endpoint: { path: '/echo.Echo/Echo' } };
  },
  async tcp(worse) {
    const server = createTCP(socket => socket.on('data', data => socket.write(worse ? `${data}!` : data)));
    return { port: await listen(server) };
  },
  async tls(worse) {
    const { ca, cert, key } = await authority();
    const server = createTLS({ cert, key, minVersion: 'TLSv1.3' }, socket => socket.resume().on('error', () => {}));
    const serverName = worse ? 'another.bench.sa.cluster.local' : 'app.bench.sa.cluster.local';
    return { port: await listen(server), endpoint: { tls: { ca, serverName } } };
  },
  async websocket(worse) {
    const server = createHTTP().on('upgrade', (request, socket) => {
      const accept = accepts(String(request.headers['sec-websocket-key']));
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`);
      socket.write(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
      // A masked message of 64 bytes is 70 bytes long; it is answered by a ping and two fragments.
      let bytes = 0;
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        // Pongs of the client have 6 bytes.
        if (bytes < 70) return;
        bytes -= 70;
        const rest = message(worse, 44);
        socket.write(
          Buffer.concat([Buffer.from([0x02, 20]), Buffer.alloc(20), Buffer.from([0x80, rest.length]), rest]),
        );
      });
    });
    return { port: await listen(server) };
  },
  async mqtt(worse) {
    const server = createTCP(socket => {
      const reader = new PacketReader();
      const answers: Readonly<Record<number, (body: Buffer) => Buffer>> = {
        [packets.connect]: () => packet(packets.connack, Buffer.from([0, 0, 0])),
        [packets.subscribe]: body => packet(packets.suback, Buffer.concat([body.subarray(0, 2), Buffer.from([0, 0])])),
        [packets.publish]: body => packet(packets.publish, worse ? body.subarray(0, -1) : body),
      };
      // Byte by byte, so that packets come in pieces.
      socket.on('data', (data: Buffer) => {
        for (const { type, body } of [...data].flatMap(byte => reader.push(Buffer.from([byte]))))
          socket.write(answers[type]?.(body) ?? '');
      });
    });
    return { port: await listen(server) };
  },
};

/** What they speak. */
export const names = Object.keys(servers) as Protocol[];

/** A plan for a protocol, and its server, which may do worse. */
export async function planned(protocol: Protocol, more: Partial<LoadPlan>, worse = false): Promise<LoadPlan> {
  const { port, endpoint } = await servers[protocol](worse);
  const plan = planFor(port, { protocol, ...more });
  return { ...plan, endpoint: { ...plan.endpoint, ...endpoint } };
}
