/** Everything that can be measured, and the app behind it. */
import { direct, directAgain } from './direct.ts';
import { envoy, envoyPair } from './envoy.ts';
import { haproxy } from './haproxy.ts';
import { mosquitto } from './mosquitto.ts';
import { nginx, nginxPair } from './nginx.ts';
import { pipy, pipyBarePair, pipyPlainPair } from './pipy.ts';
import { nodePair, pipyPair } from './sidecars.ts';
import type { Target } from './target.ts';

export { type Apps, startApps } from './apps.ts';
export { pathOf } from './places.ts';

/** Targets by what a reader compares: the baseline, Pipy and the mesh, then their peers. */
export const targets: readonly Target[] = [
  direct,
  directAgain,
  pipy,
  pipyPlainPair,
  pipyBarePair,
  pipyPair,
  nodePair,
  nginx,
  nginxPair,
  haproxy,
  envoy,
  envoyPair,
  mosquitto,
];
