/** What is right for the two halves of an exchange, read from their bytes. */
import { type Answer, anyStream, bytesOf, type Exchange } from './case.ts';
import { readFrames } from './http2.ts';
import { type Message, readRequest, readResponse } from './parse.ts';

/** Number of the stream of the n-th exchange of a connection. */
export function streamOf(at: number): number {
  return 2 * at + 1;
}

/**
 * The request as it is sent: `odd` when bytes come behind it.
 *
 * @param at which exchange of its connection it is
 */
export function gradeOfRequest({ request }: Exchange, speaks: 1 | 2, at: number): Message {
  const bytes = bytesOf(request);
  if (speaks === 2)
    return readFrames(
      request.map(part => part.bytes),
      streamOf(at),
      true,
    );
  return withoutMore(readRequest(bytes), bytes);
}

/** The answer as the app sends it: `odd` when bytes come behind it. */
export function gradeOfAnswer({ speaks, parts, after }: Answer, method: string): Message {
  const bytes = bytesOf(parts);
  const read =
    speaks === 2
      ? readFrames(
          parts.map(part => part.bytes),
          anyStream,
          false,
        )
      : withoutMore(readResponse(bytes, method, after === 'close'), bytes);
  if (method === 'HEAD' && speaks === 2 && read.body !== '') return { ...read, grade: 'odd', why: 'a body to HEAD' };
  if (after === 'reset' && read.grade === 'whole') return { ...read, grade: 'odd', why: 'a reset behind it' };
  return read;
}

function withoutMore(message: Message, bytes: string): Message {
  if (message.grade !== 'whole' || message.used === bytes.length) return message;
  return { ...message, grade: 'odd', why: 'bytes behind it' };
}
