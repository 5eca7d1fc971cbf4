import { defineConfig } from 'vitest/config';
import { skipsReporter } from './tidy/skips.ts';

/** Where `.ci/run` wants the results as JSON. */
const report = process.env.FSM_TEST_REPORT;
const json: ['json', { outputFile: string }][] = report === undefined ? [] : [['json', { outputFile: report }]];

/** `npm run test:clients`: real clients and servers, directly and through pairs of sidecars. */
const config = defineConfig({
  test: {
    include: ['test/clients/clients.table.ts'],
    // A client asks all its servers at once: the first of its tests waits for them.
    testTimeout: 320_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    reporters: ['default', skipsReporter, ...json],
  },
});

export default config;
