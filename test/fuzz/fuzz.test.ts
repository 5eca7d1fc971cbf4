/** That the fuzzer finds what is broken, makes it small, and finds nothing where nothing is: on the Node shell, in seconds. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Random } from '../simulator/random.ts';
import { bytesOf, exchangesOf } from './case.ts';
import { fuzz, type Options, type Outcome } from './fuzz.ts';
import { caseOf } from './generate.ts';
import { HeaderReader, headerBlock } from './hpack.ts';
import { FrameReader, ownSettings, preface, types } from './http2.ts';
import { readRequest, readResponse } from './parse.ts';
import { type Plant, plantFault } from './plant.ts';
import { contractLine } from './report.ts';
import { closePair, openPair, type Pair } from './world.ts';

let pair: Pair;
let takeAway: () => void = () => undefined;

beforeAll(async () => {
  pair = await openPair('node');
}, 30_000);
afterEach(() => takeAway());
afterAll(() => closePair(pair));

function options(cases: number, findingsMax: number): Options {
  const goesOn = (count: number) => count < cases;
  return { seed: 1, goesOn, first: 0, shrinkMs: 6000, findingsMax, tell: () => undefined };
}

/** A planted hang is one for ever. */
const plantedBoundMs = 600;

async function withPlant(plant: Plant): Promise<Outcome> {
  takeAway = await plantFault(pair, plant);
  return fuzz([{ ...pair, boundMs: plantedBoundMs }], options(6, 1));
}

/** Class → what the smallest case still has to have, and how many bytes of requests it may have. */
const planted: Readonly<Record<Plant, readonly [has: RegExp, bytesMax: number]>> = {
  crash: [/cookie:/i, 300],
  hang: [/trailer:/i, 300],
  'cross-talk': [/x-empty:/i, 200],
  verdict: [/\/deny\//, 300],
};

test.each(Object.keys(planted) as Plant[])('a planted %s is found and made small', { timeout: 60_000 }, async plant => {
  const [finding] = (await withPlant(plant)).findings;
  expect(finding?.violation.kind).toBe(plant);
  const [has, bytesMax] = planted[plant];
  const exchanges = exchangesOf(finding?.smallest ?? { links: [] });
  const bytes = exchanges.map(({ request }) => bytesOf(request)).join('');
  expect(bytes).toMatch(has);
  expect([exchanges.length, bytes.length <= bytesMax]).toEqual([1, true]);
  expect(finding === undefined ? '' : contractLine(finding)).toMatch(/^ {2}\/\/ seed 1, case \d+\n {2}'.*': async/);
});

test('some hundred exchanges of fixed seeds break nothing', { timeout: 60_000 }, async () => {
  const { findings, exchanges } = await fuzz([pair], options(10, 5));
  expect(findings.map(contractLine).join('\n')).toBe('');
  expect(exchanges).toBeGreaterThan(400);
});

test('the same seed makes the same case', () => {
  const once = JSON.stringify(caseOf(new Random(5).fork('case 3')));
  expect(JSON.stringify(caseOf(new Random(5).fork('case 3')))).toBe(once);
  expect(JSON.stringify(caseOf(new Random(6).fork('case 3')))).not.toBe(once);
});

test.each([
  ['whole', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['whole', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\nX: 1\r\n\r\n'],
  ['odd', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['odd', 'GET / HTTP/1.1\r\n\r\n'],
  ['odd', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['partial', 'GET / HTTP/1.1\r\nHost: a\r\n'],
  ['partial', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc'],
  ['partial', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\nabc'],
] as const)('a request is %s: %j', (grade, bytes) => {
  expect(readRequest(bytes).grade).toBe(grade);
});

test.each([
  ['whole', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na', 'GET'],
  ['whole', 'HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No\r\n\r\n', 'GET'],
  ['whole', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n', 'HEAD'],
  ['odd', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 'GET'],
  ['partial', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na', 'GET'],
  ['partial', 'HTTP/1.1 100 Continue\r\n\r\n', 'GET'],
] as const)('a response is %s: %j to %s', (grade, bytes, method) => {
  expect(readResponse(bytes, method, false).grade).toBe(grade);
});

/** The header blocks that Node's own client writes on one connection. */
function blocksOf(values: readonly string[]): Promise<string[]> {
  return new Promise(resolve => {
    const [frames, blocks] = [new FrameReader(), [] as string[]];
    const server = createServer(socket => {
      let bytes = '';
      socket.write(ownSettings, 'latin1');
      socket.on('data', chunk => {
        const first = bytes === '';
        bytes += chunk.toString('latin1');
        const next = first ? bytes.slice(preface.length) : chunk.toString('latin1');
        for (const { type, payload } of frames.push(next)) if (type === types.headers) blocks.push(payload);
        if (blocks.length < values.length) return;
        session.destroy();
        server.close(() => resolve(blocks));
      });
    });
    let session: ClientHttp2Session;
    server.listen(0, '127.0.0.1', () => {
      session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      for (const value of values)
        session.request({ ':path': '/open/z0123456789z', 'x-a': value }).on('error', () => undefined);
    });
  });
}

test('headers of HTTP/2 are read as a real peer compresses them, and as we write them', async () => {
  const values = ['one', 'one', `Huffman: abcXYZ 0123456789 !"#$%&'()*+,-./:;<=>?@[]^_\`{|}~`];
  const reader = new HeaderReader();
  const read = (await blocksOf(values)).map(block => new Map(reader.read(block)));
  expect(read.map(fields => [fields.get(':path'), fields.get('x-a')])).toEqual(
    values.map(value => ['/open/z0123456789z', value]),
  );
  const fields = values.map(value => ['x-a', value.repeat(9)] as const);
  expect(new HeaderReader().read(headerBlock(fields))).toEqual(fields);
});
