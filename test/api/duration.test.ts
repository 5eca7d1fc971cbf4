import { expect, test } from 'vitest';
import { parseDurationMs } from '../../src/api/duration.ts';

test.each([
  ['24h', 86_400_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['500ms', 500],
  ['250us', 0.25],
  ['0', 0],
  ['0s', 0],
])('%s', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each(['', '1', '1d', '-1h', '1h ', 'h', '1..5s'])('%j is no duration', text => {
  expect(parseDurationMs(text)).toBeUndefined();
});
