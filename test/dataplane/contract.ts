/**
 * The data-plane contract: what a pair of sidecars does, whatever they are made of. `node.test.ts` runs it on the
 * Node shell; `pipy.contract.ts` on real Pipy, and with one shell on each side.
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { alike } from './contract/alike.ts';
import { answers } from './contract/answers.ts';
import { bytes } from './contract/bytes.ts';
import { controlPlane } from './contract/control-plane.ts';
import { early } from './contract/early.ts';
import { endings } from './contract/endings.ts';
import { expectations } from './contract/expectations.ts';
import { failures } from './contract/failures.ts';
import { frames } from './contract/frames.ts';
import { framing } from './contract/framing.ts';
import { headers } from './contract/headers.ts';
import { hostile } from './contract/hostile.ts';
import { http2 } from './contract/http2.ts';
import { http2Clients } from './contract/http2-clients.ts';
import { http2Faults } from './contract/http2-faults.ts';
import { http2Sharing } from './contract/http2-sharing.ts';
import { http2Upstreams } from './contract/http2-upstreams.ts';
import { identity } from './contract/identity.ts';
import { members } from './contract/members.ts';
import { messages } from './contract/messages.ts';
import { pipelines } from './contract/pipelines.ts';
import { pods } from './contract/pods.ts';
import { policy } from './contract/policy.ts';
import { routing } from './contract/routing.ts';
import { streams } from './contract/streams.ts';
import { swaps } from './contract/swaps.ts';
import { targets } from './contract/targets.ts';
import { tunnels } from './contract/tunnels.ts';
import { versions } from './contract/versions.ts';
import {
  type Chapter,
  closeWorld,
  createWorld,
  resetWorld,
  type Shells,
  testChapter,
  type World,
} from './harness/world.ts';

export type { Shells } from './harness/world.ts';

const chapters: Readonly<Record<string, Chapter>> = {
  routing,
  streams,
  http2,
  tunnels,
  framing,
  pipelines,
  alike,
  answers,
  expectations,
  'early answers': early,
  'http2 upstreams': http2Upstreams,
  'http2 faults': http2Faults,
  'http2 clients': http2Clients,
  'http2 sharing': http2Sharing,
  policy,
  members,
  pods,
  identity,
  hostile,
  messages,
  bytes,
  frames,
  headers,
  targets,
  failures,
  endings,
  swaps,
  versions,
  'control plane': controlPlane,
};

export function dataplaneContract(shells: Shells): void {
  describe(`the data plane: ${shells.name}`, () => {
    let world: World | undefined;
    const current = (): World => {
      if (world === undefined) throw new Error('the world did not start');
      return world;
    };
    beforeAll(async () => {
      world = await createWorld(shells);
    }, 30_000);
    afterEach(() => resetWorld(current()), 10_000);
    afterAll(() => world && closeWorld(world), 30_000);
    for (const [name, chapter] of Object.entries(chapters)) {
      describe(name, () => testChapter(chapter, shells, current));
    }
  });
}
