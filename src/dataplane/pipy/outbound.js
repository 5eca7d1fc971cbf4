/** The app's way out: what it sends is routed, and dialled under mutual TLS. */
import * as policy from '../policy/policy.js';
import { running } from './configuration.js';
import { becomeTunnel, beginConnection, isEnding, unlessTunnel, untilEnded } from './connection.js';
import { credentials } from './credentials.js';
import { describe, hangUp, malformed, removeClaims, serverOptions, toOriginForm } from './lib.js';
import { ignored, refuse, refuseMalformed } from './refuse.js';
import { connection, connectOptions, current, newUpstream, send, tunnel, waysTo } from './upstream.js';

/** Where a CONNECT goes, and what was decided for it as a connection. */
var $destination = {};
var $decision = null;
/** What the first bytes in a tunnel look like. */
var $protocol;

/** Ways to sidecars, made anew when the trusted roots change; and beyond the mesh. */
var toMesh = null;
var toWorld = waysTo(
  pipeline($ => $.connect(() => current().target, connectOptions)),
  false,
);

/** Target → upstream. They outlive configurations, and with them the connections that they are the keys of. */
var upstreams = new Map();
var upstreamsMax = 4096;

var notReady = { status: 503, reason: 'no-configuration', detail: 'This sidecar has not got a configuration yet.' };
var badAuthority = { status: 400, reason: 'bad-host', detail: 'The target of a CONNECT is host:port.' };

/** Says which roots the sidecars that are called from now on must hang from. */
export function trustRoots(roots) {
  var trustedPems = roots.map(root => root.toPEM().toString());
  toMesh = waysTo(
    pipeline($ =>
      $.connectTLS({
        certificate: () => credentials.pair,
        trusted: roots,
        onVerify: (ok, certificate) => ok && isExpected(certificate, trustedPems),
        minVersion: 'TLS1.3',
      }).to($ => $.connect(() => current().target, connectOptions)),
    ),
    false,
  );
}

/** Whether a certificate of the peer's chain is a trusted root, or the peer's own and of the endpoint's principal. */
function isExpected(certificate, trustedPems) {
  var upstream = current();
  upstream.peer = '';
  var principal = policy.principalOf(certificate.subjectAltNames, running.tables.settings.trustDomain);
  if (principal === upstream.principal) return true;
  if (principal === '' && trustedPems.includes(certificate.toPEM().toString())) return true;
  hangUp(connection());
  upstream.peer = `${upstream.target} is ${principal || 'nobody of this mesh'}, not ${upstream.principal}`;
  return false;
}

/** The upstream of a decision, remembered with it: decisions are made when a configuration is, not for each request. */
function upstreamFor(decision) {
  decision.upstream = upstreamOf(decision.target, decision.endpoint.principal);
  return decision.upstream;
}

function upstreamOf(target, principal) {
  var known = upstreams.get(target);
  if (known !== undefined && known.principal === principal) return known;
  if (upstreams.size >= upstreamsMax) upstreams.clear();
  var fresh = newUpstream(target, principal);
  upstreams.set(target, fresh);
  return fresh;
}

function route(start) {
  var head = start.head;
  if (isEnding()) return ignored;
  if (head.method === 'CONNECT') return connect(head);
  if (head.path.charAt(0) !== '/') toOriginForm(head);
  var fault = malformed(head.headers);
  if (fault !== null) return refuseMalformed(fault, head, fieldsOf(head));
  var tables = running.tables;
  var decision = tables === null ? notReady : policy.routeRequest(tables, describe(head), $destination);
  if (decision.target === undefined) return refuse(decision, fieldsOf(head));
  removeClaims(head.headers);
  var isHTTP2 = head.protocol === 'HTTP/2';
  if (decision.endpoint === undefined) return send(upstreamOf(decision.target, ''), toWorld, head, isHTTP2);
  var speaksHTTP2 = isHTTP2 || decision.protocol === 'grpc' || decision.protocol === 'http2';
  return send(decision.upstream || upstreamFor(decision), toMesh, head, speaksHTTP2);
}

function fieldsOf(head) {
  var request = describe(head);
  return { direction: 'outbound', method: request.method, host: request.host, path: request.path };
}

/** CONNECT (RFC 9110, 9.3.6): inside, what the destination's port speaks is found out as on an intercepted connection. */
function connect(head) {
  var colon = head.path.lastIndexOf(':');
  var port = colon < 1 ? 0 : Number.parseInt(head.path.substring(colon + 1), 10) || 0;
  if (port === 0) return refuse(badAuthority, { direction: 'outbound', host: head.path });
  var host = head.path.substring(0, colon);
  $destination = { address: host, port: port };
  $decision = running.tables === null ? notReady : policy.routeConnection(running.tables, host, port);
  if ($decision.target === undefined) return refuse($decision, { direction: 'outbound', host: head.path });
  becomeTunnel();
  return accepted;
}

function join() {
  if ($decision.endpoint === undefined) return tunnel(upstreamOf($decision.target, ''), toWorld);
  return tunnel($decision.upstream || upstreamFor($decision), toMesh);
}

function isHTTP(decision) {
  return decision.protocol === 'http' || decision.protocol === 'http2' || decision.protocol === 'grpc';
}

var http = pipeline($ =>
  $.onStart(beginConnection)
    .demuxHTTP(serverOptions)
    .to($ => $.pipe(route))
    .replaceData(untilEnded)
    .replaceStreamEnd(unlessTunnel),
);
var tcp = pipeline($ => $.pipe(join));
var detect = pipeline($ =>
  $.detectProtocol(found => {
    $protocol = found;
  }).pipe(() => ($protocol === undefined ? undefined : $protocol === '' ? tcp : http)),
);
var accepted = pipeline($ =>
  $.acceptHTTPTunnel(() => new Message({ status: 200 })).to($ => $.pipe(() => (isHTTP($decision) ? detect : tcp))),
);

/** What serves the outbound port: a layout for connections. */
export var outbound = http;
