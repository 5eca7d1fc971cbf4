/** The reader of HTTP/1.1 answers, whatever pieces they come in. */
import { expect, test } from 'vitest';
import { type Answer, AnswerReader } from '../../../bench/load/protocols/http1-reader.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const chunked =
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\nA;x=y\r\n0123456789\r\n0\r\nx-after: 1\r\n\r\n';
const interim = `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok}`;

const cases: { what: string; bytes: string; answers: Answer[] }[] = [
  { what: 'a length', bytes: ok, answers: [{ status: 200, length: 5, last: false }] },
  { what: 'chunks and trailers', bytes: chunked, answers: [{ status: 200, length: 13, last: false }] },
  { what: 'an interim answer', bytes: interim, answers: [{ status: 200, length: 5, last: false }] },
  {
    what: 'several answers in a row',
    bytes: ok + chunked + ok,
    answers: [5, 13, 5].map(length => ({ status: 200, length, last: false })),
  },
  {
    what: 'a wrong status and the announced end',
    bytes: 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\ncontent-length:0\r\n\r\n',
    answers: [{ status: 503, length: 0, last: true }],
  },
  {
    what: 'no content, whatever it says',
    bytes: `HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n${ok}`,
    answers: [
      { status: 204, length: 0, last: false },
      { status: 304, length: 0, last: false },
      { status: 200, length: 5, last: false },
    ],
  },
  { what: 'HTTP/1.0', bytes: ok.replace('1.1', '1.0'), answers: [{ status: 200, length: 5, last: true }] },
  {
    what: 'a field that ends like another',
    bytes: `HTTP/1.1 200 OK\r\nX-Content-Length: 99\r\nContent-Length: 5\r\n\r\nhello`,
    answers: [{ status: 200, length: 5, last: false }],
  },
];

test.each(cases)('$what, in one piece', ({ bytes, answers }) => {
  expect(new AnswerReader().push(Buffer.from(bytes))).toEqual(answers);
});

test.each(cases)('$what, cut in two at every byte', ({ bytes, answers }) => {
  const whole = Buffer.from(bytes);
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const reader = new AnswerReader();
    expect([...reader.push(whole.subarray(0, cut)), ...reader.push(whole.subarray(cut))]).toEqual(answers);
  }
});

test.each(cases)('$what, byte by byte', ({ bytes, answers }) => {
  const reader = new AnswerReader();
  expect([...Buffer.from(bytes)].flatMap(byte => reader.push(Buffer.from([byte])))).toEqual(answers);
});

test('a body without a length ends with the connection', () => {
  const reader = new AnswerReader();
  expect(reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nhel'))).toEqual([]);
  expect(reader.push(Buffer.from('lo'))).toEqual([]);
  expect(reader.end()).toEqual({ status: 200, length: 5, last: true });
});

test('a body that is cut off is no answer', () => {
  const reader = new AnswerReader();
  reader.push(Buffer.from(ok.slice(0, -1)));
  expect(reader.end()).toBeNull();
});

test.each([
  ['SSH-2.0-OpenSSH\r\n\r\n', 'no answer of HTTP/1.1'],
  ['HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n', 'no length'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n', 'a chunk longer than it says'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n', 'no length'],
  [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`, 'a head without an end'],
])('%j is refused', (bytes, why) => {
  expect(() => new AnswerReader().push(Buffer.from(bytes))).toThrow(why);
});
