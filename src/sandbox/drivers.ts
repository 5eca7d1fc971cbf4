/** The proxies that a sandbox can run. */
import { type Problem, ProblemError } from '../api/problem.ts';
import type { Driver } from '../dataplane/driver.ts';
import { nodeDriver } from '../dataplane/node/driver.ts';
import { pipyDriver } from '../dataplane/pipy/driver.ts';

const drivers: readonly Driver[] = [nodeDriver, pipyDriver];

export const engines: readonly string[] = drivers.map(driver => driver.name);

/** @throws ProblemError FSM6003 for an unknown engine, FSM6002 for one that cannot run here */
export async function chooseDriver(engine: string): Promise<{ readonly driver: Driver; readonly text: string }> {
  const driver = drivers.find(one => one.name === engine);
  if (driver === undefined) throw new ProblemError(unknown(engine));
  const description = await driver.describe();
  if (!description.usable) throw new ProblemError(unusable(engine, description.why));
  return { driver, text: description.text };
}

function unknown(engine: string): Problem {
  return {
    code: 'FSM6003',
    path: '',
    what: `there is no engine ${engine}`,
    why: 'an engine is what sidecars are made of',
    fix: `use one of ${engines.join(', ')}`,
  };
}

function unusable(engine: string, why: string): Problem {
  return {
    code: 'FSM6002',
    path: '',
    what: `the engine ${engine} cannot run here`,
    why,
    fix: 'name the program in PIPY_BIN, or leave --engine out to use the embedded proxy',
  };
}
