/** When requests are meant to be sent. */

/**
 * Intended times of an open loop, µs from its start, in order: slots of equal length, and in each one request at a
 * random place of it. So every second has the same number of requests (of a Poisson process 1000/s it varies by 3 %,
 * and bursts of the load's own would queue at a target that is fast enough: noise between rounds that says nothing about
 * the target), and yet the times do not beat with what happens periodically at the target or in the load itself, as
 * equal distances would. The same seed gives the same times: all targets of an experiment are asked at the same moments.
 */
export function timetable(rate: number, seconds: number, seed: number): Float64Array<SharedArrayBuffer> {
  const count = Math.round(rate * seconds);
  const times = new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
  const slotUs = 1e6 / rate;
  const random = randomFrom(seed);
  for (let slot = 0; slot < count; slot += 1) times[slot] = (slot + random()) * slotUs;
  return times;
}

/** mulberry32: numbers from 0 to below 1, all of them from one seed of 32 bits. */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
