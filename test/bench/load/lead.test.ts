import { expect, test } from 'vitest';
import { Lead } from '../../../bench/load/lead.ts';

const shared = (rate: number) => ({ memory: new SharedArrayBuffer(8), rate });

/** Where the lead is after waking has taken 60 to 99 µs, evenly, many times. */
function learnt(rate: number): number {
  const memory = shared(rate);
  const [metronome, sender] = [new Lead(memory), new Lead(memory)];
  for (let n = 0; n < 5000; n++) sender.woke(metronome.us - (60 + ((n * 7) % 40)));
  return metronome.us;
}

test('a lead comes to be as long as waking takes, but for one time in nine', () => {
  expect(learnt(500)).toBeGreaterThan(88);
  expect(learnt(500)).toBeLessThan(102);
});

test('at high rates it is a part of the time between two requests', () => {
  expect(learnt(5000)).toBe(60);
});

test('it ends, be it that every request is late or none', () => {
  const lead = new Lead(shared(100));
  for (let n = 0; n < 1000; n++) lead.woke(-1000);
  expect(lead.us).toBe(200);
  for (let n = 0; n < 1000; n++) lead.woke(1000);
  expect(lead.us).toBe(20);
});
