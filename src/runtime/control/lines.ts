import { parseText } from '../../../protocols/envelope/json.ts'
import { MeshError } from '../../../protocols/errors.ts'

const NEWLINE = 0x0a

/** Cuts a stream of bytes into lines of at most `limit` bytes, and reads each as JSON. A push parser: no reads, no waits. */
export class LineReader {
  readonly #limit: number
  readonly #line: (value: unknown) => void
  #parts: Uint8Array[] = []
  #length = 0

  constructor(limit: number, line: (value: unknown) => void) {
    this.#limit = limit
    this.#line = line
  }

  /** Throws `ERR_LIMIT` for a line that is too long, `ERR_MALFORMED` for one that is no JSON. */
  push(chunk: Uint8Array): void {
    let rest = chunk
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      this.#keep(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
      const text = Buffer.concat(this.#parts, this.#length).toString('utf8')
      this.#parts = []
      this.#length = 0
      if (text.trim() !== '') this.#line(parse(text))
    }
    this.#keep(rest)
  }

  #keep(bytes: Uint8Array): void {
    this.#length += bytes.length
    if (this.#length > this.#limit) throw new MeshError('ERR_LIMIT', `a line is longer than ${this.#limit} bytes`)
    if (bytes.length > 0) this.#parts.push(bytes)
  }
}

function parse(text: string): unknown {
  try {
    return parseText(text)
  } catch (cause) {
    throw new MeshError('ERR_MALFORMED', 'a line is no JSON', { cause })
  }
}
