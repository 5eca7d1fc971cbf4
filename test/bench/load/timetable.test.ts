/** The timetable of the open loop. */
import { expect, test } from 'vitest';
import { timetable } from '../../../bench/load/timetable.ts';

test('one seed is one timetable', () => {
  expect([...timetable(1000, 2, 7)]).toEqual([...timetable(1000, 2, 7)]);
  expect([...timetable(1000, 2, 7)]).not.toEqual([...timetable(1000, 2, 8)]);
});

test.each([
  { rate: 1, seconds: 3 },
  { rate: 200, seconds: 2.5 },
  { rate: 5000, seconds: 4 },
])('$rate a second for $seconds seconds has so many times, in order, at that rate all the way', ({ rate, seconds }) => {
  const times = [...timetable(rate, seconds, 1)];
  expect(times).toHaveLength(rate * seconds);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  for (const [at, time] of times.entries()) expect(Math.floor((time * rate) / 1e6)).toBe(at);
});

test('the places in the slots are spread evenly', () => {
  const places = [...timetable(1000, 10, 1)].map(us => (us % 1000) / 1000);
  const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const inside = places.filter(place => Math.floor(place * 10) === tenth).length;
    expect(Math.abs(inside - 1000)).toBeLessThan(150);
  }
});
