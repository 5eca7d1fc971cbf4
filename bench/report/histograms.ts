/** The histograms of rounds, put together to one curve. */
import { build, decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { Round } from '../model.ts';
import { isCounted } from '../statistics.ts';

/** A place on a latency curve: nines are -log10(1 - share), so 1 is 90 %, 3 is 99.9 %. */
export interface Place {
  readonly nines: number;
  readonly us: number;
}

/** From the median to 99.99 %. */
export const [fewest, most] = [Math.log10(2), 4] as const;

/** Slower answers than the end of a curve has: of fewer, its place is chance. */
const beyond = 10;
const step = 0.02;

/** What is behind a target's curve; null when no round counts or none has a histogram. */
export function merged(rounds: readonly Round[]): Histogram | null {
  const texts = rounds.filter(isCounted).flatMap(({ load }) => load.latency.histogram || []);
  if (texts.length === 0) return null;
  const sum = build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3, autoResize: true });
  for (const text of texts) sum.add(decodeFromCompressedBase64(text));
  return sum.totalCount === 0 ? null : sum;
}

/** The curve of a histogram, as far as ten answers were slower. */
export function curveOf(histogram: Histogram): Place[] {
  const end = Math.min(most, Math.log10(Math.max(1, histogram.totalCount / beyond)));
  const steps = Math.floor(Math.max(0, end - fewest) / step);
  const places = Array.from({ length: steps + 1 }, (_, at) => fewest + at * step);
  if (end > fewest) places.push(end);
  return places.map(nines => ({ nines, us: histogram.getValueAtPercentile(100 * (1 - 10 ** -nines)) }));
}
