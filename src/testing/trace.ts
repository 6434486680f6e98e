import { sha256 } from 'multiformats/hashes/sha2'

/**
 * Everything that crossed the simulated network or was written to a simulated disk, a line each: `time from to event protocol
 * bytes checksum`, of a disk with the path in the protocol's place. Two runs with the same seed write the same lines,
 * contents included.
 */
export class Trace {
  readonly lines: string[] = []

  add(time: number, from: string, to: string, event: string, protocol = '-', bytes?: Uint8Array): void {
    const content = bytes === undefined ? '0 -' : `${bytes.length} ${checksum(bytes).toString(16)}`
    this.lines.push(`${time.toFixed(3)} ${from} ${to} ${event} ${protocol} ${content}`)
  }

  /** SHA-256 of all lines, in hexadecimal. */
  digest(): string {
    const { digest } = sha256.digest(new TextEncoder().encode(this.toString())) as { digest: Uint8Array }
    return Buffer.from(digest).toString('hex')
  }

  toString(): string {
    return this.lines.join('\n')
  }
}

/** FNV-1a: enough to tell that two runs differ. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}
