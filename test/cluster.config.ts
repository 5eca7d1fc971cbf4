import { defineConfig } from 'vitest/config';

/** `npm run test:cluster`: the contract of src/kube on a real kube-apiserver. */
const config = defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    teardownTimeout: 20_000,
  },
});

export default config;
