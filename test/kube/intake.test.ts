import { expect, it } from 'vitest';
import { fold } from '../../src/engine/fold.ts';
import { emptySnapshot } from '../../src/engine/snapshot.ts';
import { knownOf, SeenVersions } from '../../src/kube/intake.ts';
import { applied, eventsOf } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';

it('is behind what it has not seen, and not behind what it has', () => {
  const seen = new SeenVersions();
  seen.seeAll('Pod', '99');
  seen.seeAll('Pod', '98');
  expect(seen.behind({ Pod: '99' })).toBe(false);
  expect(seen.behind({ Pod: '100' })).toBe(true);
  expect(seen.behind({ Service: '1' })).toBe(true);
});

it('does not take the newest object for everything before it', () => {
  const seen = new SeenVersions();
  seen.seeAll('Pod', '10');
  seen.see('Pod', '20');
  expect(seen.all()).toEqual({ Pod: '20' });
  expect(seen.behind({ Pod: '15' })).toBe(true);
  seen.seeAll('Pod', '21');
  expect(seen.behind({ Pod: '15' })).toBe(false);
});

it('knows no version of objects that an older version of the mesh has read', () => {
  const snapshot = fold(emptySnapshot(), eventsOf([applied(make.account('shop', 'web'))]));
  const [[key, version] = []] = knownOf(snapshot, 'ServiceAccount');
  expect([key, version !== '']).toEqual(['shop/web', true]);
  expect(knownOf(snapshot, 'ServiceAccount', true)).toEqual([['shop/web', '']]);
});
