/**
 * The driver interface: what the rest of FSM knows about a proxy implementation. A driver says how a sidecar is
 * started; from then on the sidecar speaks the push protocol, whatever it is made of.
 */

/** A program to run; nothing is inherited but `PATH`. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** First signal of an orderly stop; SIGKILL follows after `stopGraceMs`. */
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  readonly stopGraceMs: number;
}

/** Everything that a sidecar needs to know when it starts. The state directory is the pod's, memory-backed and 0700. */
export interface SidecarSpec {
  readonly podUid: string;
  readonly podNamespace: string;
  readonly podName: string;
  /** Address where the sidecar listens: each target port for inbound, `ports.outbound` for outbound. */
  readonly podAddress: string;
  /** Address where the app listens on the same ports. */
  readonly appAddress: string;
  /** `host:port` of the control plane's one TLS port (enrolment by ALPN `http/1.1`, push by ALPN `fsm-push/1`). */
  readonly controlPlane: string;
  /** PEM file: the root that signs the control plane's server certificate and nothing else. */
  readonly controlRootFile: string;
  /** ServiceAccount token, audience `fsm.<trust domain>`. */
  readonly tokenFile: string;
  readonly stateDir: string;
}

/** Ports of a sidecar, on the pod's address. */
export const ports = { outbound: 15001, inbound: 15003, metrics: 15010, admin: 15000 } as const;

/** Files of the state directory. */
export const stateFiles = {
  /** PEM, PKCS#8, mode 0600: never leaves this directory. */
  key: 'key.pem',
  /** PEM chain of the workload certificate. */
  certificate: 'cert.pem',
  /** PEM bundle of the mesh's roots, as of enrolment. */
  trust: 'trust.pem',
  /** Last configuration that was swapped in: `{root, mark, nodes: {hash: node}}`. */
  config: 'config.json',
} as const;

/** Exit code of a sidecar that needs a new enrolment (its certificate has expired or is missing). */
export const exitEnrol = 75;

/**
 * Whether a sidecar ended because it needs a new enrolment. Pipy cannot be relied on to exit with a code, so it ends
 * itself with a signal that nobody else sends.
 */
export function asksForEnrolment(exit: { readonly code: number | null; readonly signal: string | null }): boolean {
  return exit.code === exitEnrol || exit.signal === 'SIGUSR1';
}

/**
 * The environment of a sidecar, the same for every driver:
 * `FSM_POD_UID FSM_POD_NAMESPACE FSM_POD_NAME FSM_POD_IP FSM_APP_ADDRESS FSM_CONTROL_PLANE FSM_CONTROL_ROOT
 * FSM_TOKEN_FILE FSM_STATE_DIR`.
 */
export function sidecarEnvironment(spec: SidecarSpec): Record<string, string> {
  return {
    FSM_POD_UID: spec.podUid,
    FSM_POD_NAMESPACE: spec.podNamespace,
    FSM_POD_NAME: spec.podName,
    FSM_POD_IP: spec.podAddress,
    FSM_APP_ADDRESS: spec.appAddress,
    FSM_CONTROL_PLANE: spec.controlPlane,
    FSM_CONTROL_ROOT: spec.controlRootFile,
    FSM_TOKEN_FILE: spec.tokenFile,
    FSM_STATE_DIR: spec.stateDir,
  };
}

/** One kind of proxy: whether it can run here, and the commands of its init step and of its sidecars. */
export interface Driver {
  /** Name on the command line: `--engine <name>`. */
  readonly name: string;
  /** One line for people: what runs and which version; or why it cannot run here. */
  describe(): Promise<
    { readonly usable: true; readonly text: string } | { readonly usable: false; readonly why: string }
  >;
  /** Runs to its end before the sidecar starts: makes the key, enrols, fills the state directory. */
  init(spec: SidecarSpec): Command;
  sidecar(spec: SidecarSpec): Command;
}
