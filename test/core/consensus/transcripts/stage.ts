import type { RaftOptions } from '../../../../src/core/consensus/options.ts'
import type { Message } from '../../../../src/core/consensus/types.ts'
import { bytes, first } from '../lone-node.ts'
import { Actor, type Around } from './actor.ts'
import { messageText } from './sentences.ts'

/** A line that tells of a message, and not what a node made of it. */
const MESSAGE = /^(lost: )?\w+ → /

/** Plays the commands of one transcript. Nothing moves by itself: neither time nor messages. */
export class Stage {
  readonly #actors = new Map<string, Actor>()
  readonly #cut = new Set<string>()
  #under: Message[] = []
  #told: string[] = []

  /** What came of a command. */
  play(command: string): string[] {
    this.#told = []
    const [verb, ...words] = command.split(' ') as [string, ...string[]]
    const deed = this.#deeds[verb]
    if (deed === undefined) throw new SyntaxError(`nobody knows how to ${verb}`)
    deed(words)
    return this.#told
  }

  readonly #deeds: Record<string, (words: string[]) => void> = {
    group: (words) => this.#group(words),
    tick: (words) => {
      for (let i = 0; i < Number(words.at(-1)); i++)
        for (const id of words.slice(0, -1)) this.#actor(id).handle({ kind: 'tick' })
    },
    campaign: ([id]) => this.#actor(id).handle({ kind: 'campaign' }),
    propose: ([id, ...data]) => this.#actor(id).handle({ kind: 'propose', data: data.map(bytes) }),
    read: ([id, context]) => this.#actor(id).handle({ kind: 'read', context: Number(context) }),
    transfer: ([id, to]) => this.#actor(id).handle({ kind: 'transfer', to: to! }),
    reconfigure: ([id, ...words]) => {
      const at = words.indexOf('learners')
      const voters = words.slice(1, at < 0 ? undefined : at)
      this.#actor(id).handle({ kind: 'reconfigure', target: { voters, learners: at < 0 ? [] : words.slice(at + 1) } })
    },
    deliver: (words) => this.#deliver(words, Number.POSITIVE_INFINITY),
    step: (words) => this.#deliver(words, this.#under.length),
    quietly: (words) => {
      const before = this.#told
      this.play(words.join(' '))
      this.#told = [...before, ...this.#told.filter((line) => !MESSAGE.test(line))]
    },
    lose: (words) => {
      this.#under = this.#under.filter((message) => {
        const lost = words.length === 0 || words.includes(message.to)
        if (lost) this.#told.push(`lost: ${messageText(message)}`)
        return !lost
      })
    },
    isolate: (words) => void words.forEach((id) => void this.#cut.add(id)),
    heal: () => this.#cut.clear(),
    crash: ([id]) => this.#actor(id).crash(),
    restart: ([id]) => this.#actor(id).start(),
    compact: ([id]) => this.#actor(id).compact(),
    logs: () => {
      for (const actor of this.#actors.values()) this.#told.push(`${actor.id}: ${actor.log()}`)
    },
    status: () => {
      for (const actor of this.#actors.values()) this.#told.push(`${actor.id}: ${actor.standing()}`)
    }
  }

  /** `group a b=1,1,2 learners c outside d options key=value`: `b` has a log of entries of these terms. */
  #group(words: readonly string[]): void {
    const parts: Record<string, string[]> = { voters: [], learners: [], outside: [], options: [] }
    let part = parts['voters']!
    for (const word of words) {
      if (parts[word] === undefined) part.push(word)
      else part = parts[word]!
    }
    const { voters, learners, outside, options } = parts as Record<string, string[]>
    const names = (list: readonly string[]): string[] => list.map((word) => word.split('=')[0]!)
    const snapshot = first(names(voters!), names(learners!))
    const around: Around = {
      options: Object.fromEntries(
        options!.map((word) => [word.split('=')[0]!, Number(word.split('=')[1])])
      ) as Partial<RaftOptions>,
      send: (message) => void this.#under.push(message),
      tell: (text) => void this.#told.push(text)
    }
    for (const [i, word] of [...voters!, ...learners!, ...outside!].entries()) {
      const [id, terms] = word.split('=') as [string, string?]
      const start = outside!.includes(word) ? first([]) : snapshot
      const log = terms === undefined ? [] : terms.split(',').map(Number)
      this.#actors.set(id, new Actor(id, start, log, (i % 5) / 5, around))
    }
  }

  /**
   * Of what is under way the first `count` messages, or all and what follows from them; with names, only what goes from one of these
   * to another.
   */
  #deliver(names: readonly string[], count: number): void {
    const goes = ({ from, to }: Message): boolean => names.length === 0 || (names.includes(from) && names.includes(to))
    const now = this.#under.slice(0, count).filter(goes)
    const next = (): Message | undefined => (count === Number.POSITIVE_INFINITY ? this.#under.find(goes) : now.shift())
    for (let message = next(); message !== undefined; message = next()) {
      this.#under.splice(this.#under.indexOf(message), 1)
      const actor = this.#actors.get(message.to)
      const lost = this.#cut.has(message.from) || this.#cut.has(message.to) || actor?.raft === undefined
      this.#told.push(`${lost ? 'lost: ' : ''}${messageText(message)}`)
      if (!lost) actor.handle({ kind: 'receive', message })
    }
  }

  #actor(id: string | undefined): Actor {
    const actor = this.#actors.get(id ?? '')
    if (actor === undefined) throw new SyntaxError(`nobody is called ${id}`)
    return actor
  }
}
