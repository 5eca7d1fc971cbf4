/** The app's way out: what it sends is routed, and dialled under mutual TLS. */
import * as policy from '../policy/policy.js';
import { call, callsOver } from './calls.js';
import { running } from './configuration.js';
import { abandon, countClosed, countOpen, newClient, overflow, serve } from './connection.js';
import { credentials } from './credentials.js';
import {
  describe,
  faultOf,
  flawOf,
  headMax,
  isPlain,
  removeClaims,
  spacedName,
  toOriginForm,
  unbounded
} from './lib.js';
import { ignored, noPath, refuse, refuseMalformed } from './refuse.js';
import { connectOptions, current, handshake, newUpstream, refusePeer, send, tunnel, waysTo } from './upstream.js';

/** The client's connection; inside a tunnel that of the tunnel. */
var $client = null;
/** Where a CONNECT goes, and what was decided for it as a connection. */
var $destination = {};
var $decision = null;
/** The connection that carries it, and what the first bytes in it look like. */
var $tunnel = null;
var $protocol;

/** Ways to sidecars, made anew when the trusted roots change; and beyond the mesh. */
var toMesh = null;
var toWorld = waysTo($ => $.connect(() => current().target, connectOptions), false, false);

var callsToMesh = null;
var callsToWorld = callsOver(toWorld.session);

/** Target → upstream. They outlive configurations, and with them the connections that they are the keys of. */
var upstreams = new Map();
var upstreamsMax = 4096;

var notReady = { status: 503, reason: 'no-configuration', detail: 'This sidecar has not got a configuration yet.' };
var badAuthority = { status: 400, reason: 'bad-host', detail: 'The target of a CONNECT is host:port.' };
var noBody = 'A CONNECT has no body.';

/** Says which roots the sidecars that are called from now on must hang from. */
export function trustRoots(roots) {
  var trustedPems = roots.map(root => root.toPEM().toString());
  toMesh = waysTo(
    $ =>
      $.connectTLS({
        certificate: () => credentials.pair,
        trusted: roots,
        onVerify: (ok, certificate) => ok && isExpected(certificate, trustedPems),
        onState: handshake,
        minVersion: 'TLS1.3'
      }).to($ => $.connect(() => current().target, connectOptions)),
    false,
    true
  );
  callsToMesh = callsOver(toMesh.session);
}

/** Whether a certificate of the peer's chain is a trusted root, or the peer's own and of the endpoint's principal. */
function isExpected(certificate, trustedPems) {
  var upstream = current();
  upstream.peer = '';
  var principal = policy.principalOf(certificate.subjectAltNames, running.tables.settings.trustDomain);
  if (principal === upstream.principal) return true;
  if (principal === '' && trustedPems.includes(certificate.toPEM().toString())) return true;
  refusePeer();
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
  var client = $client;
  if (client.ending) return ignored;
  var head = start.head;
  if (head.method === 'CONNECT') return connect(client, head);
  if (head.protocol) client.budget = headMax;
  else if (!head.path) return refuse(noPath, fieldsOf(head));
  else client.budget = unbounded;
  if (head.path.charAt(0) !== '/') toOriginForm(head);
  var headers = head.headers;
  var plain = isPlain(headers);
  var fault = plain ? null : faultOf(client, headers);
  if (fault !== null) return refuseMalformed(client, fault, head, fieldsOf(head));
  var tables = running.tables;
  var host = headers.host || head.authority || '';
  if (client.tables !== tables || client.host !== host) {
    if (tables === null) return refuse(notReady, fieldsOf(head));
    client.tables = tables;
    client.host = host;
    client.known = policy.resolveHost(tables, host, $destination);
  }
  var decision = client.known.fixed || policy.routeResolved(tables, client.known, describe(head));
  if (decision.endpoint === undefined) return sendOut(client, head, plain, decision);
  var upstream = decision.upstream || upstreamFor(decision);
  if (decision.protocol !== 'http' || !head.protocol) return call(upstream, callsToMesh);
  return send(client, upstream, toMesh, head, plain);
}

/** Beyond the mesh nobody looks at a request again; in it the server's sidecar does. */
function sendOut(client, head, plain, decision) {
  if (decision.target === undefined) return refuse(decision, fieldsOf(head));
  var flaw = flawOf(head);
  if (flaw === 'spaced') return refuseMalformed(client, spacedName, head, fieldsOf(head));
  if (flaw === 'claims') removeClaims(head.headers);
  var upstream = upstreamOf(decision.target, '');
  if (!head.protocol) return call(upstream, callsToWorld);
  return send(client, upstream, toWorld, head, plain);
}

function fieldsOf(head) {
  var request = head.path ? describe(head) : { host: head.authority, path: '' };
  return { direction: 'outbound', method: head.method, host: request.host, path: request.path };
}

/** CONNECT (RFC 9110, 9.3.6): inside, what the destination's port speaks is found out as on an intercepted connection. */
function connect(client, head) {
  if (!head.path || !head.protocol) return refuse(badAuthority, { direction: 'outbound', host: head.authority });
  if (hasBody(head.headers)) return refuseMalformed(client, noBody, head, { direction: 'outbound', host: head.path });
  var colon = head.path.lastIndexOf(':');
  var port = colon < 1 ? 0 : Number.parseInt(head.path.substring(colon + 1), 10) || 0;
  if (port === 0) return refuse(badAuthority, { direction: 'outbound', host: head.path });
  var host = head.path.substring(0, colon);
  $destination = { address: host, port: port };
  $decision = running.tables === null ? notReady : policy.routeConnection(running.tables, host, port);
  if ($decision.target === undefined) return refuse($decision, { direction: 'outbound', host: head.path });
  client.tunnel = true;
  client.budget = unbounded;
  $tunnel = client;
  return accepted;
}

/** A CONNECT has none (RFC 9110, 9.3.6), and Pipy would collect it whole, uncounted. */
function hasBody(headers) {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] || '0') !== '0';
}

function join() {
  if ($decision.endpoint === undefined) return tunnel(upstreamOf($decision.target, ''), toWorld);
  return tunnel($decision.upstream || upstreamFor($decision), toMesh);
}

function isHTTP(decision) {
  return decision.protocol === 'http' || decision.protocol === 'http2' || decision.protocol === 'grpc';
}

function incoming(data) {
  var client = $client;
  client.budget -= data.size;
  return client.budget < 0 ? overflow(client) : data;
}

function serveApp($) {
  return serve($, () => $client, incoming, route);
}

function begin() {
  $client = newClient();
}

var http = pipeline($ => serveApp($.onStart(begin).onEnd(() => abandon($client))));
var tcp = pipeline($ => $.pipe(join));
var detect = pipeline($ =>
  $.detectProtocol(found => {
    $protocol = found;
  }).pipe(() => ($protocol === undefined ? undefined : $protocol === '' ? tcp : http))
);
var accepted = pipeline($ =>
  $.acceptHTTPTunnel(() => new Message({ status: 200 }))
    .to($ => $.pipe(() => (isHTTP($decision) ? detect : tcp)))
    .handleStreamEnd(() => {
      $tunnel.tunnelEnded = true;
    })
);

/** What serves the outbound port. */
export function outbound($) {
  return serveApp(
    $.onStart(() => {
      countOpen();
      begin();
    }).onEnd(() => {
      countClosed();
      abandon($client);
    })
  );
}
