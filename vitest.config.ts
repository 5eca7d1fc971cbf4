import { defineConfig } from 'vitest/config';
import { skipsReporter } from './test/tidy/skips.ts';

/** Where `.ci/run` wants the results as JSON. */
const report = process.env.FSM_TEST_REPORT;

function jsonReport(): ['json', { outputFile: string }][] {
  return report === undefined ? [] : [['json', { outputFile: report }]];
}

/**
 * `vitest run`: the fast tier, which needs neither a cluster nor Pipy. The tiers that need more have configurations
 * of their own (`test/*.config.ts`); `.ci/run` runs all that the machine can.
 */
const config = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/cluster/**'],
    pool: 'forks',
    // Tests start processes of their own: more files at once than this only make each other late.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    teardownTimeout: 20_000,
    reporters: ['default', skipsReporter, ...jsonReport()],
  },
});

export default config;
