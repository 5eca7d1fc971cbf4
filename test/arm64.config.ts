import { defineConfig } from 'vitest/config';

/** Tests that hold programs to the clock, or start programs that are not of arm64. */
const left = ['load/truth', 'load/failures', 'load/protocols', 'run/main', 'run/rounds', 'targets/targets'];

/** `npm run test:arm64`: the harness on an arm64 Node, which may be emulated, and is slow then. */
const config = defineConfig({
  test: {
    include: ['test/bench/**/*.test.ts', 'test/perf/**/*.test.ts', 'test/arm64/*.arm64.ts'],
    exclude: left.map(path => `test/bench/${path}.test.ts`),
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 200_000,
    hookTimeout: 300_000,
    teardownTimeout: 20_000,
  },
});

export default config;
