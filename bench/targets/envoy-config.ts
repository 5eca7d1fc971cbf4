/** Envoy's configuration, as far as one hop and a pair need it: listeners, clusters, and TLS on either side. */
import type { Certificates } from './certificates.ts';
import { type AppProtocol, isStream } from './places.ts';

/** What Envoy reads as JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.${name}` });
const extensions = 'extensions';

/** A place to listen, what is spoken there, and where that goes. */
export interface Way {
  readonly name: string;
  readonly protocol: AppProtocol;
  readonly listen: { readonly host: string; readonly port: number };
  /** Asked in turn. */
  readonly targets: readonly { readonly host: string; readonly port: number }[];
  /** TLS of the client's side: `ours` without and `mutual` with a client certificate. */
  readonly accept?: 'ours' | 'mutual';
  /** Mutual TLS towards the target. */
  readonly dial?: 'mutual';
}

/** A whole configuration: no admin port, no access log, no headers of Envoy's own. */
export function configOf(ways: readonly Way[], files: Certificates): Json {
  return {
    node: { id: 'bench', cluster: 'bench' },
    static_resources: {
      listeners: ways.map(way => listenerOf(way, files)),
      clusters: ways.map(way => clusterOf(way, files)),
    },
  };
}

const addressOf = ({ host, port }: Way['listen']): Json => ({ socket_address: { address: host, port_value: port } });

function listenerOf(way: Way, files: Certificates): Json {
  const filters = isStream(way.protocol) ? [tcpFilter(way.name)] : [httpFilter(way)];
  const transport = way.accept === undefined ? {} : { transport_socket: downstream(files, way.accept === 'mutual') };
  return { name: way.name, address: addressOf(way.listen), filter_chains: [{ filters, ...transport }] };
}

function tcpFilter(cluster: string): Json {
  const config = { ...type(`${extensions}.filters.network.tcp_proxy.v3.TcpProxy`), stat_prefix: cluster, cluster };
  return { name: 'tcp', typed_config: { ...config, idle_timeout: '0s' } };
}

function httpFilter({ name, protocol }: Way): Json {
  const router = { ...type(`${extensions}.filters.http.router.v3.Router`), suppress_envoy_headers: true };
  const route = { match: { prefix: '/' }, route: { cluster: name, timeout: '0s' } };
  return {
    name: 'http',
    typed_config: {
      ...type(`${extensions}.filters.network.http_connection_manager.v3.HttpConnectionManager`),
      stat_prefix: name,
      generate_request_id: false,
      stream_idle_timeout: '0s',
      route_config: { virtual_hosts: [{ name, domains: ['*'], routes: [route] }] },
      http_filters: [{ name: 'router', typed_config: router }],
      ...(protocol === 'websocket' ? { upgrade_configs: [{ upgrade_type: 'websocket' }] } : {}),
    },
  };
}

function clusterOf(way: Way, files: Certificates): Json {
  const { name, protocol, targets } = way;
  const endpoints = targets.map(target => ({ endpoint: { address: addressOf(target) } }));
  const many = { max_connections: 100_000, max_pending_requests: 100_000, max_requests: 1_000_000 };
  const speaks2 = protocol === 'http2' || protocol === 'grpc';
  const explicit = { [speaks2 ? 'http2_protocol_options' : 'http_protocol_options']: {} };
  const options = { ...type(`${extensions}.upstreams.http.v3.HttpProtocolOptions`), explicit_http_config: explicit };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    lb_policy: 'ROUND_ROBIN',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    circuit_breakers: { thresholds: [many] },
    ...(isStream(protocol)
      ? {}
      : { typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options } }),
    ...(way.dial === undefined ? {} : { transport_socket: upstream(files) }),
  };
}

const params = { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' };

function own({ certificate, key }: Certificates): Json {
  return [{ certificate_chain: { filename: certificate }, private_key: { filename: key } }];
}

/** Who is trusted: by the authority, and by name, as the mesh's sidecars do. */
function trusted({ root, serverName }: Certificates): Json {
  const matcher = { san_type: 'DNS', matcher: { exact: serverName } };
  return { trusted_ca: { filename: root }, match_typed_subject_alt_names: [matcher] };
}

function downstream(files: Certificates, isMutual: boolean): Json {
  const theirs = isMutual ? { validation_context: trusted(files) } : {};
  const common = { tls_params: params, tls_certificates: own(files), ...theirs };
  const context = type(`${extensions}.transport_sockets.tls.v3.DownstreamTlsContext`);
  const full = { disable_stateless_session_resumption: true, disable_stateful_session_resumption: true };
  return {
    name: 'tls',
    typed_config: { ...context, ...full, common_tls_context: common, require_client_certificate: isMutual },
  };
}

function upstream(files: Certificates): Json {
  const common = { tls_params: params, tls_certificates: own(files), validation_context: trusted(files) };
  const context = type(`${extensions}.transport_sockets.tls.v3.UpstreamTlsContext`);
  return { name: 'tls', typed_config: { ...context, sni: files.serverName, common_tls_context: common } };
}
