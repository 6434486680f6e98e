/** As much of MQTT 3.1.1 (OASIS, 2014) as quality of service 2 needs. */
import type { Readable } from 'node:stream'

/** The upper half of a packet's first byte (section 2.2.1). */
export const Kind = {
  connect: 1,
  connack: 2,
  publish: 3,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9
} as const

/** Flags of the first byte: what the standard demands of PUBREL and SUBSCRIBE, and quality of service 2 of PUBLISH. */
const FLAGS: Record<number, number> = { [Kind.publish]: 4, [Kind.pubrel]: 2, [Kind.subscribe]: 2 }
const LEVEL = 4
/** Bits of the remaining length in each of its bytes, and the one that says that another follows. */
const [LENGTH, MORE] = [127, 128]

export const number = (value: number): Buffer => Buffer.from([value >> 8, value & 255])

export function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([number(bytes.length), bytes])
}

export function packet(kind: number, ...body: Uint8Array[]): Buffer {
  const head = [(kind << 4) | (FLAGS[kind] ?? 0)]
  let length = body.reduce((sum, part) => sum + part.length, 0)
  for (; length > LENGTH; length >>= 7) head.push((length & LENGTH) | MORE)
  return Buffer.concat([Buffer.from([...head, length]), ...body])
}

/** Begins a session that the broker keeps, and persists, beyond the connection: no clean session, no keep-alive. */
export function connectPacket(client: string): Buffer {
  return packet(Kind.connect, text('MQTT'), Buffer.from([LEVEL, 0]), number(0), text(client))
}

/** Cuts what arrives into packets; `body` is valid during the call. */
export function readPackets(source: Readable, onPacket: (kind: number, body: Buffer) => void): void {
  let held: Buffer = Buffer.alloc(0)
  source.on('data', (chunk: Buffer) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    let at = 0
    for (let body = bodyAt(bytes, at); body !== undefined; body = bodyAt(bytes, at)) {
      onPacket(bytes[at]! >> 4, bytes.subarray(body.start, body.end))
      at = body.end
    }
    held = bytes.subarray(at)
  })
}

/** Where the body of the packet at `at` stands; undefined while it is not all there. */
function bodyAt(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  let length = 0
  for (let i = 1; at + i < bytes.length; i++) {
    const byte = bytes[at + i]!
    length += (byte & LENGTH) << (7 * (i - 1))
    if (byte >= MORE) continue
    const start = at + i + 1
    return start + length > bytes.length ? undefined : { start, end: start + length }
  }
  return undefined
}
