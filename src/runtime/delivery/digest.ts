import { hash } from 'node:crypto'

/** 128 bits of SHA-256, so that nobody who chooses texts makes two of them the same. */
export function digestOf(text: string | Uint8Array): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, DIGEST_BYTES)
}

export const DIGEST_BYTES = 16
