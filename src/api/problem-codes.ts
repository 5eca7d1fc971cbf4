/**
 * Every problem code, listed once. A test compares this table with `docs/error-codes.md` in both directions.
 * Codes are stable: one is never given another meaning, and a retired one is not used again.
 * FSM1xxx objects people write · FSM2xxx identity · FSM3xxx proxies and push · FSM4xxx Kubernetes API ·
 * FSM5xxx journal and replay · FSM6xxx sandbox and command line.
 */
export const problemCodes = {
  FSM1001: 'An object does not match its schema.',
  FSM1002: 'An object names another one that does not exist.',
  FSM1003: 'A regular expression is outside the common subset of RE2 and std::regex.',
  FSM1004: 'A rule can never match.',
  FSM1005: 'Two objects say different things about the same subject.',
  FSM1006: 'An object is accepted, and a part of it is not in force.',
  FSM2001: 'An enrolment request was refused.',
  FSM2002: 'The clock is before the build or before the last recorded event, so nothing is issued.',
  FSM2003: 'A certificate is missing, expired or of another root.',
  FSM3001: 'A proxy refused a configuration.',
  FSM3002: 'A proxy did not acknowledge a configuration in time.',
  FSM3003: 'A proxy sent a line that the push protocol does not know.',
  FSM3004: 'This control plane has not yet seen the state that the proxy already runs.',
  FSM3005: 'A sidecar runs in a pod that takes no part in the mesh.',
  FSM3006: 'A sidecar reads another format of configurations than this control plane writes.',
  FSM4001: 'The Kubernetes API refused a request.',
  FSM4002: 'The Kubernetes API cannot be reached.',
  FSM4003: 'A watch stream sent something that cannot be read.',
  FSM4004: 'A watch lost events; a new list found them.',
  FSM5001: 'The journal cannot be opened.',
  FSM5002: 'The journal was written by a version that this one cannot read.',
  FSM5003: 'A replay differs from what was recorded.',
  FSM6001: 'A port is in use.',
  FSM6002: 'A program that is needed cannot be run.',
  FSM6003: 'The command line cannot be understood.',
  FSM6004: 'No control plane or cluster can be found.',
  FSM6005: 'A file, a folder or something else of this machine cannot be used.',
  FSM6006: 'FSM itself made a mistake.',
} as const;

export type ProblemCode = keyof typeof problemCodes;
