import { constants, type Http2Stream } from 'node:http2';

/**
 * Whether the other side has sent a body to its end. Node ends a body in the same way when its stream is reset with
 * NO_ERROR; then the stream is closed before.
 */
export function watchEnd(stream: Http2Stream): () => boolean {
  let ended = stream.state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && !stream.closed) ended = true;
    return push(chunk, encoding);
  };
  return () => ended && stream.rstCode === constants.NGHTTP2_NO_ERROR;
}
