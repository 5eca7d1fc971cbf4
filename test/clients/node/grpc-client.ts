/** grpc-js as a client: `grpc-client.ts <folder>` reads cells from standard input and prints what it saw. */
import { randomUUID } from 'node:crypto';
import { cells, type Input, say } from './cells.ts';
import { type Call, type Client, grpcFrom, type Metadata, type Status } from './grpc-js.ts';

const grpc = grpcFrom(process.argv[2] ?? '');
const cellMs = 5000;
const asItIs = (bytes: Buffer) => bytes;
const clients = new Map<string, Client>();

/** One client, with one connection, for each server. */
function clientOf({ server, url, host }: Input): Client {
  const known = clients.get(server);
  if (known !== undefined) return known;
  const options = { 'grpc.default_authority': host, 'grpc.max_receive_message_length': 8 << 20 };
  const client = new grpc.Client(new URL(url).host, grpc.credentials.createInsecure(), options);
  clients.set(server, client);
  return client;
}

function metadataOf(cell: Input): Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of cell.headers) metadata.add(name, name.endsWith('-bin') ? Buffer.from(value) : value);
  return metadata;
}

function open(cell: Input, method: string, metadata = metadataOf(cell), ms = cellMs): Call {
  const options = { deadline: Date.now() + ms };
  return clientOf(cell).makeBidiStreamRequest(`/test.Echo/${method}`, asItIs, asItIs, metadata, options);
}

interface Outcome {
  readonly messages: readonly Buffer[];
  readonly head: Metadata | undefined;
  readonly status: Status;
}

async function outcomeOf(call: Call): Promise<Outcome> {
  const messages: Buffer[] = [];
  let head: Metadata | undefined;
  call.on('data', message => messages.push(message));
  call.on('metadata', metadata => {
    head = metadata;
  });
  call.on('error', () => undefined);
  const status = await new Promise<Status>(resolve => call.once('status', resolve));
  return { messages, head, status };
}

async function exchange(cell: Input, messages = 1): Promise<void> {
  const call = open(cell, cell.method);
  for (let sent = 0; sent < messages; sent += 1) call.write(Buffer.from(cell.body ?? ''));
  call.end();
  const outcome = await outcomeOf(call);
  const bytes = outcome.messages.reduce((sum, message) => sum + message.length, 0);
  say(cell, 'messages', `${outcome.messages.length} of ${bytes} bytes`);
  say(cell, 'status', grpc.status[outcome.status.code]);
  say(cell, 'message', outcome.status.details);
  sayMetadata(cell, 'head', outcome.head);
  sayMetadata(cell, 'tail', outcome.status.metadata);
}

function sayMetadata(cell: Input, what: string, metadata: Metadata | undefined): void {
  for (const name of Object.keys(metadata?.getMap() ?? {})) {
    if (name !== 'date') say(cell, `${what} ${name}`, metadata?.get(name).join(' | '));
  }
}

/** How a deadline is told: it is chance whether the client's clock or the server's is first. */
const byDeadline = new Set(['DEADLINE_EXCEEDED', 'CANCELLED']);

/** Ends a call of `Hang` and asks the server whether it has noticed. */
async function endIt(cell: Input, ms: number, end: (call: Call) => void): Promise<void> {
  const named = metadataOf(cell);
  named.add('x-call', randomUUID());
  const hanging = open(cell, 'Hang', named, ms);
  const ended = outcomeOf(hanging);
  hanging.once('metadata', () => end(hanging));
  const status = String(grpc.status[(await ended).status.code]);
  say(cell, 'status', cell.flags.has('deadline') && byDeadline.has(status) ? 'its deadline' : status);
  const asking = open(cell, 'Ended', named);
  asking.end();
  const answer = await outcomeOf(asking);
  say(cell, 'at the server', `${Buffer.concat([...answer.messages])} ${grpc.status[answer.status.code]}`);
}

async function hundred(cell: Input): Promise<void> {
  const failed: Record<string, number> = {};
  for (let sent = 0; sent < 100; sent += 1) {
    const call = open(cell, 'Unary');
    call.end(Buffer.from('hello'));
    const { status } = await outcomeOf(call);
    const code = String(grpc.status[status.code]);
    if (code !== 'OK') failed[code] = (failed[code] ?? 0) + 1;
  }
  say(cell, 'failed', JSON.stringify(failed));
}

for await (const cell of cells()) {
  if (cell.flags.has('deadline')) await endIt(cell, 300, () => undefined);
  else if (cell.flags.has('cancel')) await endIt(cell, cellMs, call => call.cancel());
  else if (cell.flags.has('hundred')) await hundred(cell);
  else await exchange(cell, cell.flags.has('ten') ? 10 : 1);
}
process.exit(0);
