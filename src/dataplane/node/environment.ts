/** What a sidecar is told by the driver that starts it; see `sidecarEnvironment`. */
export interface Environment {
  readonly podUid: string;
  readonly podNamespace: string;
  readonly podName: string;
  readonly podAddress: string;
  readonly appAddress: string;
  readonly controlPlane: HostPort;
  readonly controlRootFile: string;
  readonly stateDir: string;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads the environment of a sidecar.
 *
 * @throws Error that names the variable which is missing or cannot be read
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const need = (name: string): string => env[name] || fail(`${name} is not set`);
  return {
    podUid: need('FSM_POD_UID'),
    podNamespace: need('FSM_POD_NAMESPACE'),
    podName: need('FSM_POD_NAME'),
    podAddress: need('FSM_POD_IP'),
    appAddress: need('FSM_APP_ADDRESS'),
    controlPlane: hostPort(need('FSM_CONTROL_PLANE')) ?? fail('FSM_CONTROL_PLANE is not host:port'),
    controlRootFile: need('FSM_CONTROL_ROOT'),
    stateDir: need('FSM_STATE_DIR'),
  };
}

function fail(message: string): never {
  throw new Error(message);
}

/** Takes `host:port` or `[address]:port` apart; undefined when it is neither. */
export function hostPort(text: string): HostPort | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65535 ? undefined : { host, port };
}
