/** Packets of MQTT 5.0, as its standard writes them. */
import { expect, test } from 'vitest';
import {
  connectPacket,
  PacketReader,
  packet,
  packets,
  publicationOf,
  publishPacket,
  subscribePacket,
} from '../../../bench/load/protocols/mqtt-packets.ts';

test('packets have the bytes of the standard', () => {
  expect(connectPacket('ab').toString('hex')).toBe('100f00044d515454050200000000026162');
  expect(subscribePacket('t').toString('hex')).toBe('8207000100000174' + '00');
  expect(publishPacket('t', Buffer.from('xy')).toString('hex')).toBe('300600017400' + '7879');
});

/** Lengths at the edges of one, two, three and four bytes, section 1.5.5. */
test.each([0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])(
  'a body of %i bytes is read as it was written',
  length => {
    const written = packet(packets.publish, Buffer.alloc(length, 'x'));
    const reader = new PacketReader();
    const both = Buffer.concat([written, written]);
    const parts = [both.subarray(0, 1), both.subarray(1, written.length + 1), both.subarray(written.length + 1)];
    const read = parts.flatMap(part => reader.push(part));
    expect(read.map(({ type, flags, body }) => [type, flags, body.length])).toEqual(Array(2).fill([3, 0, length]));
  },
);

test('what is no packet is refused', () => {
  expect(() => new PacketReader().push(Buffer.from('30ffffffff', 'hex'))).toThrow('length that does not end');
  const whole = { type: packets.publish, flags: 0 };
  expect(() => publicationOf({ ...whole, body: Buffer.from('000574', 'hex') })).toThrow('cut off');
  expect(() => publicationOf({ ...whole, body: Buffer.from('00017405', 'hex') })).toThrow('cut off');
  expect(() => publicationOf({ ...whole, flags: 2, body: Buffer.from('00017400', 'hex') })).toThrow('acknowledged');
});
