/** Node's clients: `client.ts fetch|http2` reads cells from standard input and prints what it saw. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import net, { type NetConnectOpts } from 'node:net';
import { cells, type Input, say, sayBody } from './cells.ts';

const cellMs = 5000;

const leads = new Map<string, URL>();
const { connect: dial } = net;

/** Fetch sends no Host but that of its URL: its connections are led to where the mesh is, as interception does it. */
net.connect = ((options: NetConnectOpts, ...rest: never[]) => {
  const to = leads.get('host' in options ? String(options.host) : '');
  return dial(to === undefined ? options : { ...options, host: to.hostname, port: Number(to.port) }, ...rest);
}) as typeof net.connect;

/** The fetch of Node, with connections kept by its own agent. */
async function askByFetch(cell: Input): Promise<void> {
  const to = new URL(cell.url);
  leads.set(cell.host, to);
  const headers = new Headers();
  for (const [name, value] of cell.headers) headers.append(name, value);
  const { method } = cell;
  const init: RequestInit = { method, headers, redirect: 'manual', signal: AbortSignal.timeout(cellMs) };
  if (cell.body !== undefined) init.body = cell.flags.has('chunked') ? streamOf(cell.body) : cell.body;
  const response = await fetch(`http://${cell.host}${to.pathname}${to.search}`, {
    ...init,
    duplex: 'half',
  } as RequestInit);
  say(cell, 'status', response.status);
  for (const [name, value] of response.headers) say(cell, `header ${name}`, value);
  sayBody(cell, await response.text());
}

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}

const sessions = new Map<string, ClientHttp2Session>();

/** One session for each server, opened again when it has closed. */
function sessionOf(cell: Input): ClientHttp2Session {
  const known = sessions.get(cell.server);
  if (known !== undefined && !known.closed && !known.destroyed) return known;
  const session = connect(cell.url);
  session.on('error', () => session.destroy());
  sessions.set(cell.server, session);
  return session;
}

async function askByHTTP2(cell: Input): Promise<void> {
  const { pathname, search } = new URL(cell.url);
  const call = sessionOf(cell).request(
    {
      ':method': cell.method,
      ':path': pathname + search,
      ':authority': cell.host,
      ...Object.fromEntries(cell.headers),
    },
    {
      endStream: cell.body === undefined,
      signal: AbortSignal.timeout(cellMs),
      waitForTrailers: cell.flags.has('trailer'),
    },
  );
  call.on('wantTrailers', () => call.sendTrailers({ 'x-sum': '43' }));
  if (cell.body !== undefined) call.end(cell.body);
  await answered(cell, call);
}

async function answered(cell: Input, call: ClientHttp2Stream): Promise<void> {
  let text = '';
  call.on('response', ({ ':status': status, ...headers }) => {
    say(cell, 'status', status);
    for (const [name, value] of Object.entries(headers)) say(cell, `header ${name}`, value);
  });
  call.on('headers', headers => say(cell, `interim ${headers[':status']}`, headers.link));
  call.on('trailers', trailers => {
    for (const [name, value] of Object.entries(trailers)) say(cell, `trailer ${name}`, value);
  });
  for await (const chunk of call) text += chunk;
  if (call.rstCode !== 0) throw new Error('reset');
  sayBody(cell, text);
}

const ask = process.argv[2] === 'http2' ? askByHTTP2 : askByFetch;
for await (const cell of cells()) {
  try {
    await ask(cell);
  } catch (error) {
    say(cell, 'error', /timeout|aborted/i.test(String(error)) ? 'timed out' : 'failed');
  }
}
process.exit(0);
