import { MeshError } from '../../../protocols/errors.ts'
import type { Applying, Outcome, Replicated } from '../../../src/runtime/consensus/types.ts'

/** A state machine that keeps what it is told: `'…!'` is refused, `'…?'` a repeat. */
export class Ledger implements Replicated {
  lines: string[] = []
  applied: Replicated['applied']

  apply(data: Uint8Array, { index }: Applying): Outcome {
    const line = Buffer.from(data).toString()
    this.applied = line.endsWith('?') ? undefined : { part: 'machine', body: line }
    if (line.endsWith('!')) return { ok: false, code: 'ERR_HANDLER', message: line }
    if (this.applied !== undefined) this.lines.push(line)
    return { ok: true, value: `${index}: ${line}` }
  }

  query(part: string, question: unknown): unknown {
    return part === 'machine' && question === 'count' ? this.lines.length : undefined
  }

  capture(): Iterable<Uint8Array> {
    return pieces([...this.lines])
  }

  restore(bytes: Uint8Array): void {
    try {
      this.lines = JSON.parse(Buffer.from(bytes).toString())
    } catch (cause) {
      throw new MeshError('ERR_CORRUPT', 'no ledger', { cause })
    }
  }
}

function* pieces(lines: readonly string[]): Generator<Uint8Array> {
  yield Buffer.from('[')
  for (const [i, line] of lines.entries()) yield Buffer.from((i === 0 ? '' : ',') + JSON.stringify(line))
  yield Buffer.from(']')
}
