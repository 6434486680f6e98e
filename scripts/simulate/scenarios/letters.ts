import type { Node } from '../../../src/node/node.ts'
import type { Play } from '../play.ts'
import type { Exchange, Note, Posting } from './exchange.ts'

/** Ends that make a durable message a dead letter. */
const GIVEN_UP = new Set(['ERR_MAX_RETRIES', 'ERR_TTL', 'ERR_TERMINATED'])
/** ms of virtual time: far above every time-out. A guess. */
const PATIENCE = 300_000
/** Share of looks at which somebody replays a letter while the faults last. A guess. */
const IMPATIENT = 0.3

/** Somebody looks at the letters of a node and replays one, whatever comes of it. */
export async function replayAny({ chance }: Play, node: Node): Promise<void> {
  if (!chance.happens(IMPATIENT)) return
  const ids: string[] = []
  for await (const { id } of node.deadLetters.list()) ids.push(id)
  if (ids.length === 0) return
  const receipt = await node.deadLetters.replay(chance.pick(ids))
  await receipt?.settled
}

/** The dead letters of an exchange, by the numbers of the messages. */
export class Letters {
  readonly #play: Play
  readonly #exchange: Exchange
  #known = new Map<number, { id: string; from: number }>()

  constructor(play: Play, exchange: Exchange) {
    this.#play = play
    this.#exchange = exchange
  }

  has(number: number): boolean {
    return this.#known.has(number)
  }

  get numbers(): ReadonlySet<number> {
    return new Set(this.#known.keys())
  }

  /** Lets time pass until the condition holds, which may ask for letters; `look` is awaited before each try. */
  async until(
    invariant: string,
    holds: () => boolean,
    details: () => Record<string, unknown>,
    look: () => Promise<void> = async () => {}
  ): Promise<void> {
    const { mesh } = this.#exchange
    const end = mesh.now + PATIENCE
    for (;;) {
      await this.#read()
      await look()
      if (holds()) return
      this.#play.must(mesh.now < end, invariant, { waited: PATIENCE, ...details() })
      await mesh.advance(1_000)
    }
  }

  /** Whoever was told that a message is a dead letter finds it there, unless a replay has brought it home. */
  async judge(handled: (number: number) => boolean): Promise<void> {
    const toldOf = (posting: Posting): boolean => {
      const { sent, settled, options } = posting
      const code = settled?.error?.code ?? sent.error?.code ?? ''
      return options.durable === true && GIVEN_UP.has(code)
    }
    const told = this.#exchange.postings.filter(toldOf)
    const missing = (): Posting[] => told.filter(({ note }) => !this.has(note.number) && !handled(note.number))
    await this.until(
      'a dead letter is never lost',
      () => missing().length === 0,
      () => ({
        missing: missing().map(({ note, settled, sent }) => ({ ...note, code: (settled ?? sent).error?.code }))
      })
    )
  }

  /** Sends all of them again; each is handled then. */
  async replay(handled: (number: number) => boolean, look?: () => Promise<void>): Promise<void> {
    const { mesh } = this.#exchange
    const replayed = [...this.#known]
    for (const [, { id, from }] of replayed) await mesh.run(mesh.nodes[from]!.deadLetters.replay(id))
    const left = (): number[] => replayed.map(([number]) => number).filter((number) => !handled(number))
    await this.until(
      'a dead letter that is replayed is handled',
      () => left().length === 0,
      () => ({ left: left() }),
      look
    )
  }

  async #read(): Promise<void> {
    const { mesh, senders } = this.#exchange
    const known = new Map<number, { id: string; from: number }>()
    const read = async (from: number): Promise<void> => {
      for await (const letter of mesh.nodes[from]!.deadLetters.list()) {
        known.set((letter.data as Note).number, { id: letter.id, from })
      }
    }
    await mesh.run(Promise.all(senders.map(read)))
    this.#known = known
  }
}
