/** Every proxy implementation there is. A new one is added here and nowhere else. */
import type { Driver } from './driver.ts';
import { nodeDriver } from './node/driver.ts';
import { pipyDriver } from './pipy/driver.ts';

export const drivers: readonly Driver[] = [nodeDriver, pipyDriver];

/** The driver of a name; undefined when there is none. */
export function driverNamed(name: string): Driver | undefined {
  return drivers.find(driver => driver.name === name);
}
