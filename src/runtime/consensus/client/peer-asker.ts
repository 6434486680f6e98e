import { encodeAnswers } from '../../../../protocols/consensus/codec.ts'
import { FRAME_BYTES, Kind, MAX_BATCH } from '../../../../protocols/consensus/constants.ts'
import type { Answer, Done } from '../../../../protocols/consensus/messages.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import type { Link } from '../../links/types.ts'
import type { Asker } from './server.ts'

/** Bytes of large answers that wait for the link: as of the link itself. A guess. */
const MOST_LARGE = 8 * 2 ** 20

/** A peer's stream of calls. Its answers of a turn leave together. */
export class PeerAsker implements Asker {
  readonly open = new Map<number, () => void>()
  /** Calls that are not answered. */
  waiting = 0
  readonly #link: Link
  #answers: Answer[] = []
  #bytes = 0
  /** One after the other: parts of two attempts at the same call do not mix. */
  #large = Promise.resolve()
  #largeBytes = 0

  constructor(link: Link) {
    this.#link = link
  }

  get peer(): string {
    return this.#link.peer
  }

  get full(): boolean {
    return this.#largeBytes >= MOST_LARGE
  }

  answer(answer: Answer): void {
    this.waiting--
    if (this.#link.closed) return
    if ('value' in answer && answer.value.length > FRAME_BYTES) {
      this.#largeBytes += answer.value.length
      this.#large = this.#large.then(() => this.#inParts(answer))
      return
    }
    if (this.#answers.length === 0) queueMicrotask(() => this.#flush())
    this.#answers.push(answer)
    this.#bytes += 'code' in answer ? 256 : answer.value.length + 16
    if (this.#bytes >= FRAME_BYTES || this.#answers.length >= MAX_BATCH) this.#flush()
  }

  close(): void {
    for (const forget of this.open.values()) forget()
    this.open.clear()
  }

  #flush(): void {
    const answers = this.#answers
    if (answers.length === 0 || this.#link.closed) return
    this.#answers = []
    this.#bytes = 0
    try {
      this.#send(answers)
    } catch (error) {
      ignore(error)
    }
  }

  /** As fast as the link takes them. */
  async #inParts({ value, ...answer }: Done): Promise<void> {
    try {
      for (let at = 0; at < value.length; at += FRAME_BYTES) {
        const part = value.subarray(at, at + FRAME_BYTES)
        if (!this.#send([{ ...answer, value: part, rest: value.length - at - part.length }])) await this.#link.drained()
      }
    } catch (error) {
      ignore(error)
    } finally {
      this.#largeBytes -= value.length
    }
  }

  #send(answers: readonly Answer[]): boolean {
    return this.#link.send(Kind.answer, encodeAnswers(answers), true)
  }
}

/** Whoever asked asks again. */
function ignore(error: unknown): void {
  if (!(error instanceof MeshError)) throw error
}
