/** The app gives the same answers on Node and on Pipy. */
import { describe, expect, test } from 'vitest';
import { startApps } from '../../../bench/targets/apps.ts';
import { ask } from '../../../bench/targets/ask.ts';
import { appProtocols } from '../../../bench/targets/places.ts';
import { findPipy } from '../../../src/dataplane/pipy/driver.ts';
import { createSite } from './site.ts';

const sizes = [1, 1000, 40_000, 1_000_000];

async function answersAll(engine: 'pipy' | 'node'): Promise<void> {
  const site = await createSite({ engine });
  try {
    for (const protocol of appProtocols) for (const size of sizes) await ask(protocol, site.app(protocol), size);
    await expect(ask('http1', { ...site.app('http1'), path: '/nothing' }, 1)).rejects.toThrow('status: 404');
    await expect(ask('http2', { ...site.app('http2'), path: '/nothing' }, 1)).rejects.toThrow('status: 404');
  } finally {
    await site.close();
  }
}

test('an app does not take the place of another', async () => {
  const site = await createSite({ engine: 'node' });
  const { host } = site.app('http1');
  await expect(startApps(site.start, { addresses: [host] })).rejects.toThrow(
    `something listens on ${host}:14001 already`,
  );
  await site.close();
});

describe('the app answers with as many bytes as it is asked for', () => {
  test('on Node', () => answersAll('node'));
  test.skipIf(findPipy() === undefined)('on Pipy (skipped: PIPY_BIN is not set)', () => answersAll('pipy'));
});
