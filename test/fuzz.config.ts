import { defineConfig } from 'vitest/config';

/** `npm run test:fuzz`: a minute of the fuzzer with a fixed seed, as tests that can be counted. */
const config = defineConfig({
  test: { include: ['test/fuzz/fuzz.run.ts'], teardownTimeout: 20_000 },
});

export default config;
