import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { Turns } from '../../src/dataplane/push/turns.ts';
import { type Job, Writer } from '../../src/dataplane/push/writer.ts';

const turn = () => new Promise(resolve => setImmediate(resolve));

/** A writer, and the one turn that there is for it and others. */
function rig() {
  const turns = new Turns(1);
  const written: string[] = [];
  const taken: (() => void)[] = [];
  const socket = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString().slice(0, 1));
      taken.push(done);
    },
  });
  const writer = new Writer(socket, { turns, elapsedMs: () => 0 });
  /** Takes what is on its way, and what comes next. */
  const take = async () => {
    taken.shift()?.();
    await turn();
  };
  return { turns, written, take, writer };
}

/** Three pieces, each of which is a write of its own; wanted whatever happens. */
function job(name: string): Job {
  return { lines: [1, 2, 3].map(() => `${name.repeat(9000)}\n`), isWanted: () => true };
}

it('writes one job after the other, and of those that wait the last', async () => {
  const { written, take, writer } = rig();
  for (const name of ['a', 'b', 'c']) writer.write(job(name));
  for (let write = 0; write < 10; write++) await take();
  expect(written.join('')).toBe('aaaccc');
});

it.each([0, 1, 2])('writes nothing after its end and keeps no turn, ended after %d pieces', async pieces => {
  const { turns, written, take, writer } = rig();
  writer.write(job('a'));
  for (let piece = 0; piece < pieces; piece++) await take();
  writer.write(job('b'));
  writer.end();
  await turn();
  writer.write(job('c'));
  for (let write = 0; write < 10; write++) await take();
  expect(written.join('')).toBe('a'.repeat(pieces + 1));
  const free = turns.take().then(() => 'free');
  expect(await Promise.race([free, turn()])).toBe('free');
});
