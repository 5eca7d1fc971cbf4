import { expect, it } from 'vitest';
import { SeenVersions } from '../../src/kube/intake.ts';

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
