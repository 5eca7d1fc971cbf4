/** specs.smi-spec.io: what requests and connections look like. */
import Type, { type Static } from 'typebox';
import { choice, list, metadata, object, optional, port, reads, text } from './schema.ts';

/**
 * The methods that a match can name: those of RFC 9110 (section 9) and RFC 5789, those registered for WebDAV and its kin
 * (RFC 9110, 16.1.1), and what caches and searches use. `*` is every method, also one that is not listed.
 */
export const methods = [
  ...(['*', 'GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const),
  ...(['ACL', 'BASELINE-CONTROL', 'BIND', 'CHECKIN', 'CHECKOUT', 'COPY', 'LABEL', 'LINK', 'LOCK', 'MERGE'] as const),
  ...(['MKACTIVITY', 'MKCALENDAR', 'MKCOL', 'MKREDIRECTREF', 'MKWORKSPACE', 'MOVE', 'ORDERPATCH'] as const),
  ...(['PROPFIND', 'PROPPATCH', 'PURGE', 'QUERY', 'REBIND', 'REPORT', 'SEARCH', 'UNBIND', 'UNCHECKOUT'] as const),
  ...(['UNLINK', 'UNLOCK', 'UPDATE', 'UPDATEREDIRECTREF', 'VERSION-CONTROL'] as const),
] as const;

/**
 * Headers that no match sees, so that one which names them never holds: they concern one connection (RFC 9110, 7.6.1), or
 * claim who calls. So do all that begin with `fsm-stats`. The policy has the same list.
 */
export const unseenHeaders = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'serviceidentity',
  'x-forwarded-client-cert',
] as const;

type Headers = Readonly<Record<string, string>>;

const match = object('A request matches when every part that is given holds.', {
  name: text('Name of the match; unique in the group. TrafficTargets name it.', {
    minLength: 1,
    maxLength: 253,
    ...reads,
  }),
  pathRegex: optional(
    text('Regular expression that the whole path must match, without the query; see "Regular expressions".', reads),
  ),
  methods: optional(
    list('Methods. Absent, empty or with `*`: every method.', choice('A method.', methods), {
      ...reads,
      maxItems: 100,
    }),
  ),
  headers: optional(
    Type.Unsafe<Headers | Headers[]>({
      type: ['array', 'object'],
      items: { type: 'object', additionalProperties: { type: 'string' } },
      additionalProperties: { type: 'string' },
      maxItems: 100,
      description:
        'Header name → regular expression that the whole value must match. Names are compared without case. `host` and `:authority` are both the host that the request names, as it is, in lower case, or without its port. Headers of the connection, such as `te`, and claims of identity are not seen and never match. Written as a mapping or as a list of mappings; all must hold.',
      'x-fsm-expects': 'a mapping from header names to regular expressions, or a list of such mappings',
      ...reads,
    }),
  ),
});

/** specs.smi-spec.io/v1alpha4 HTTPRouteGroup. */
export const HTTPRouteGroup = object('Named descriptions of HTTP requests, for TrafficTargets and TrafficSplits.', {
  metadata: metadata({}),
  spec: object('The descriptions.', {
    matches: list('The matches of the group. Their order means nothing: the most specific match wins.', match, {
      minItems: 1,
      'x-fsm-fix': 'add a match, or delete the HTTPRouteGroup',
    }),
  }),
});
export type HTTPRouteGroup = Static<typeof HTTPRouteGroup>;

/** specs.smi-spec.io/v1alpha4 TCPRoute. */
export const TCPRoute = object('A description of TCP connections, for TrafficTargets.', {
  metadata: metadata({}),
  spec: optional(
    object('The description.', {
      matches: optional(
        object('Which connections.', {
          ports: optional(
            list('Target ports. Absent: every port.', port('A port of the pod.'), {
              ...reads,
              minItems: 1,
              'x-fsm-fix': 'name a port, or leave ports out to mean every port',
            }),
          ),
        }),
      ),
    }),
  ),
});
export type TCPRoute = Static<typeof TCPRoute>;
