/** What every pod of a kubelet shares. */
import type { Driver } from '../../dataplane/driver.ts';
import type { AddressPool } from '../addresses.ts';
import type { ApiServer } from '../api/server.ts';
import type { Processes } from '../processes.ts';

/** A line that a container wrote. */
export interface ContainerLine {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly line: string;
}

/** A program with its first arguments. */
export interface OwnProgram {
  readonly file: string;
  readonly args: readonly string[];
}

export interface KubeletHost {
  readonly server: Pick<ApiServer, 'store' | 'tokens'>;
  readonly processes: Processes;
  readonly driver: Driver;
  readonly addresses: AddressPool;
  /** Directories of pods, by uid, and of logs; both 0700. */
  readonly podsDir: string;
  readonly logsDir: string;
  /** PATH of containers. */
  readonly path: string;
  /** Commands that are the sandbox's own, by name. */
  readonly programs: Readonly<Record<string, OwnProgram>>;
  /** `host:port` where sidecars enrol and hold their streams. */
  readonly controlPlane: string;
  readonly controlRootFile: string;
  readonly trustDomain: string;
  readonly onLine: (line: ContainerLine) => void;
  /** A sentence for whoever looks at the sandbox. */
  readonly onNotice: (text: string) => void;
  /** Told of what could not be done; it is tried again. */
  readonly onError: (error: unknown, what: string) => void;
}
