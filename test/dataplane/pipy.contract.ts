/**
 * The contract on real Pipy, and with one shell on each side. `PIPY_BIN` names the binary; without one everything is
 * skipped, and the title says why.
 */
import { describe, test } from 'vitest';
import { nodeDriver } from '../../src/dataplane/node/driver.ts';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';
import { dataplaneContract } from './contract.ts';
import { mixedSkips, pipySkips, serverSkips } from './pipy-skips.ts';

const pipy = await pipyDriver.describe();

if (pipy.usable) {
  dataplaneContract({
    name: 'pipy to pipy',
    client: pipyDriver,
    server: pipyDriver,
    skips: pipySkips,
  });
  dataplaneContract({
    name: 'node to pipy',
    client: nodeDriver,
    server: pipyDriver,
    skips: serverSkips,
  });
  dataplaneContract({
    name: 'pipy to node',
    client: pipyDriver,
    server: nodeDriver,
    skips: mixedSkips,
  });
} else {
  describe('the data plane on Pipy', () => {
    test.skip(`is not tested: ${pipy.why}`, () => undefined);
  });
  console.log(`The contract is not run on Pipy: ${pipy.why}. Set PIPY_BIN to a Pipy binary of version 1.5 or later.`);
}
