import { defineConfig } from 'vitest/config';

/** `npm run test:pipy`: the data-plane contract on real Pipy, alone and with the Node shell on the other side. */
const config = defineConfig({
  test: { include: ['test/dataplane/pipy.contract.ts'], teardownTimeout: 20_000 },
});

export default config;
