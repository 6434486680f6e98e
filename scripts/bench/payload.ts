import { randomBytes } from 'node:crypto'

/** Payloads of `bytes` bytes, no two in a row alike: the sequence is stamped on a block of noise. */
export function payloads(bytes: number): () => Uint8Array {
  const block = randomBytes(bytes)
  let sequence = 0
  return () => {
    const payload = new Uint8Array(block)
    payload[0] = sequence
    payload[1] = sequence >> 8
    payload[2] = sequence++ >> 16
    return payload
  }
}
