/** Histograms of µs: how they are made, brought from thread to thread, added up and told. */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { Distribution } from '../model.ts';

/** An empty histogram: three digits, up to an hour and beyond. */
export function emptyHistogram(): Histogram {
  return build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3, highestTrackableValue: 3600e6 });
}

/** Enters a time; one that is not above 0 (the clock's own grain) counts as 0. */
export function enter(histogram: Histogram, us: number): void {
  histogram.recordValue(Math.max(0, Math.round(us)));
}

/** As text, for another thread or process. */
export function encode(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

/** The histogram of a text that `encode` made: of `Distribution.histogram`, too. */
export function decode(text: string): Histogram {
  return decodeFromCompressedBase64(text);
}

/** The sum of histograms that `encode` made. */
export function merged(texts: readonly string[]): Histogram {
  const sum = emptyHistogram();
  for (const text of texts) sum.add(decode(text));
  return sum;
}

/** Its quantiles and itself. Of an empty one all figures are 0. */
export function distribution(histogram: Histogram): Distribution {
  const at = (percentile: number) => Math.min(histogram.maxValue, histogram.getValueAtPercentile(percentile));
  return {
    count: histogram.totalCount,
    meanUs: histogram.mean,
    p50Us: at(50),
    p90Us: at(90),
    p99Us: at(99),
    p999Us: at(99.9),
    maxUs: histogram.maxValue,
    histogram: encode(histogram),
  };
}
