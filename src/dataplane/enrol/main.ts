/**
 * The init step as a program, for drivers whose sidecar cannot enrol by itself. Its environment is that of
 * `sidecarEnvironment`, and `FSM_ENROL_TIMEOUT_MS` (60 000 unless set). Exit code 0: the state directory is ready.
 */
import { formatProblem } from '../../api/problem.ts';
import { type EnrolOptions, enrol } from './enrol.ts';

export { enrol } from './enrol.ts';

const defaultTimeoutMs = 60_000;

/** Reads the options from an environment. @throws Error that names the variable that is missing or wrong */
export function optionsFrom(env: Readonly<Record<string, string | undefined>>, log: EnrolOptions['log']): EnrolOptions {
  return {
    podUid: required(env, 'FSM_POD_UID'),
    controlPlane: required(env, 'FSM_CONTROL_PLANE'),
    controlRootFile: required(env, 'FSM_CONTROL_ROOT'),
    tokenFile: required(env, 'FSM_TOKEN_FILE'),
    stateDir: required(env, 'FSM_STATE_DIR'),
    timeoutMs: timeoutFrom(env.FSM_ENROL_TIMEOUT_MS),
    log,
  };
}

function required(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return value;
}

function timeoutFrom(text: string | undefined): number {
  const timeoutMs = Number(text ?? defaultTimeoutMs);
  if (Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs < 2 ** 31) return timeoutMs;
  throw new Error('the environment variable FSM_ENROL_TIMEOUT_MS is not a number of milliseconds');
}

// Who reads the log may leave: the pod enrols all the same.
process.stdout.on('error', () => undefined);

function logLine(entry: object): void {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), component: 'enrol', ...entry })}\n`);
}

async function main(): Promise<number> {
  try {
    const result = await enrol(optionsFrom(process.env, logLine));
    if (result.ok) return 0;
    logLine({ level: 'error', message: formatProblem(result.problem) });
  } catch (error) {
    logLine({ level: 'error', message: String(error) });
  }
  return 1;
}

if (import.meta.main) process.exitCode = await main();
