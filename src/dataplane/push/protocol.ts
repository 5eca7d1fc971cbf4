/**
 * The push protocol `fsm-push/1`: raw TLS 1.3 with client certificates, one JSON value on each line, both ways.
 *
 * A proxy opens the stream and says `hello`. The control plane sends the nodes that the proxy lacks, children before
 * parents, then one `commit`; the proxy builds new tables beside the old ones and swaps once, or refuses the whole.
 * At most one commit is under way on a stream: a slow proxy gets the latest state next, never a backlog.
 */
import type { Problem } from '../../api/problem.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { AnyNode } from '../../engine/config.ts';

/** TLS ALPN protocol name. */
export const pushProtocol = 'fsm-push/1';

/** Largest line either side accepts; a longer one ends the stream. */
export const lineMaxBytes = 4 * 1024 * 1024;

/** Seconds between heartbeats, which only the control plane sends; a proxy that hears nothing for three of them reconnects. */
export const heartbeatSeconds = 25;

/**
 * What a configuration was made from: the cluster and, for each kind, the highest resourceVersion seen (KEP-5504:
 * ordered integers within a kind). A control plane that has not seen a proxy's mark must not take it back in time.
 */
export interface Mark {
  readonly cluster: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** control plane → proxy */
export type PushLine =
  | { readonly t: 'node'; readonly h: Hash; readonly v: AnyNode }
  /** `rev` is `<journal id>.<revision>`: for people and receipts. `mark` goes into the proxy's next hello as it is. */
  | { readonly t: 'commit'; readonly root: Hash; readonly rev: string; readonly mark: Mark }
  /** A renewed certificate for the proxy's own key, PEM chain; the trust bundle comes with the configuration. */
  | { readonly t: 'cert'; readonly pem: string }
  | { readonly t: 'beat' };

/** proxy → control plane */
export type ProxyLine =
  | {
      readonly t: 'hello';
      /** Formats of the configuration tree that this proxy reads, newest first. */
      readonly formats: readonly number[];
      /** Name and version of the shell: `node/0.1.0`, `pipy/1.5.18`. */
      readonly shell: string;
      readonly thread: number;
      /** The root it runs now, from memory or from its state directory; null when it has none. */
      readonly root: Hash | null;
      readonly mark: Mark | null;
    }
  | { readonly t: 'ack'; readonly root: Hash }
  | { readonly t: 'nack'; readonly root: Hash; readonly problem: Problem }
  /** Nodes that a commit reaches and the proxy does not hold; the control plane answers with nodes and the commit again. */
  | { readonly t: 'need'; readonly h: readonly Hash[]; readonly root: Hash }
  /** The certificate was stored and is used for new connections. */
  | { readonly t: 'certified'; readonly notAfter: string };
