/** Lets everything happen that follows from the last thing, before virtual time goes on. */
import type { ControlPlane } from './control-plane.ts';
import type { VirtualTime } from './time.ts';

/** Resolves when no code has anything to do at this moment of virtual time. */
export async function drain(controlPlanes: readonly ControlPlane[]): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const { core } of controlPlanes) await core?.pipeline.rests();
    await new Promise(resolve => setImmediate(resolve));
  }
}

/** Lets so much virtual time pass, with all that happens in it. */
export async function pass(time: VirtualTime, ms: number, controlPlanes: readonly ControlPlane[]): Promise<void> {
  const untilMs = time.nowMs + ms;
  await drain(controlPlanes);
  for (let next = time.take(untilMs); next !== undefined; next = time.take(untilMs)) {
    next.work();
    await drain(controlPlanes);
  }
  time.nowMs = untilMs;
}
