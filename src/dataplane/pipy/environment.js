/** What the driver told this sidecar: see `sidecarEnvironment` in src/dataplane/driver.ts. */
export var environment = {
  podUid: os.env.FSM_POD_UID,
  podNamespace: os.env.FSM_POD_NAMESPACE,
  podName: os.env.FSM_POD_NAME,
  podAddress: os.env.FSM_POD_IP,
  appAddress: os.env.FSM_APP_ADDRESS,
  controlPlane: os.env.FSM_CONTROL_PLANE,
  controlRootFile: os.env.FSM_CONTROL_ROOT,
  stateDir: os.env.FSM_STATE_DIR
};

/** The port that driver.ts names. */
export var outboundPort = 15001;

/** A file of the state directory. */
export function stateFile(name) {
  return `${environment.stateDir}/${name}`;
}

/** Writes a file of the state directory so that it is whole or not there. */
export function writeState(name, text) {
  os.write(stateFile(`${name}.new`), text);
  os.rename(stateFile(`${name}.new`), stateFile(name));
}

/** The text of a file of the state directory, or an empty one. */
export function readState(name) {
  try {
    return os.read(stateFile(name)).toString();
  } catch {
    return '';
  }
}
