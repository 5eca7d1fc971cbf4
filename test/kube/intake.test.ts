import { expect, it } from 'vitest';
import { SeenVersions } from '../../src/kube/intake.ts';

it('is behind what it has not seen, and not behind what it has', () => {
  const seen = new SeenVersions();
  seen.see('Pod', '99', true);
  seen.see('Pod', '98', true);
  expect(seen.behind({ Pod: '99' })).toBe(false);
  expect(seen.behind({ Pod: '100' })).toBe(true);
  expect(seen.behind({ Service: '1' })).toBe(true);
});

it('does not take the newest object of half a list for the whole list', () => {
  const seen = new SeenVersions();
  seen.see('Pod', '10', true);
  seen.see('Pod', '20', false);
  expect(seen.all()).toEqual({ Pod: '20' });
  expect(seen.behind({ Pod: '15' })).toBe(true);
  seen.see('Pod', '21', true);
  expect(seen.behind({ Pod: '15' })).toBe(false);
});
