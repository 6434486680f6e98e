import type { Target } from '../../../src/core/consensus/configuration.ts'
import type { RaftOptions } from '../../../src/core/consensus/options.ts'
import { Raft, type RaftEffect, type RaftInput, type Status } from '../../../src/core/consensus/raft.ts'
import type { Ready } from '../../../src/core/consensus/ready.ts'
import type {
  Entry,
  HardState,
  Message,
  MessageContent,
  MessageOf,
  Snapshot
} from '../../../src/core/consensus/types.ts'
import { seeded } from '../seeded.ts'

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A log of commands in these terms, from index 1 on. */
export const logOf = (...terms: number[]): Entry[] =>
  terms.map((term, i) => ({ index: i + 1, term, kind: 'command', data: bytes(`${i + 1}`) }))

export const first = (voters: readonly string[], learners: readonly string[] = []): Snapshot => ({
  index: 0,
  term: 0,
  configuration: { voters, outgoing: [], learners },
  data: bytes('')
})

interface Setting {
  voters?: readonly string[]
  learners?: readonly string[]
  log?: readonly Entry[]
  hardState?: Partial<HardState>
  options?: Partial<RaftOptions>
  snapshot?: Snapshot
}

/** One node, `a`, whose disk is as quick as the test wants it to be. */
export class LoneNode {
  readonly raft: Raft
  now = 0
  /** What it has put down to leave or to be done, not yet looked at. */
  readonly readies: Ready[] = []

  constructor({ voters = ['a', 'b', 'c'], learners, log = [], hardState, options = {}, snapshot }: Setting = {}) {
    const start = {
      id: 'a',
      hardState: { term: log.at(-1)?.term ?? 0, vote: undefined, commit: 0, ...hardState },
      snapshot: snapshot ?? first(voters, learners),
      entries: log
    }
    this.raft = new Raft(start, options, seeded(1))
  }

  get status(): Status {
    return this.raft.status()
  }

  handle(input: RaftInput): RaftEffect[] {
    const effects: RaftEffect[] = []
    this.raft.handle(input, this.now, effects)
    return effects
  }

  ticks(count: number): void {
    for (let i = 0; i < count; i++) this.handle({ kind: 'tick' })
  }

  receive(from: string, term: number, content: MessageContent): void {
    this.handle({ kind: 'receive', message: { ...content, from, to: 'a', term } })
  }

  propose(...data: string[]): RaftEffect[] {
    return this.handle({ kind: 'propose', data: data.map(bytes) })
  }

  reconfigure(target: Target): RaftEffect[] {
    return this.handle({ kind: 'reconfigure', target })
  }

  /** Takes what is ready, and writes and applies nothing. */
  take(): Ready[] {
    const taken: Ready[] = []
    for (let ready = this.raft.take(); ready !== undefined; ready = this.raft.take()) taken.push(ready)
    this.readies.push(...taken)
    return taken
  }

  /** Does all there is to do at once, and gives what was sent. */
  flush(): Message[] {
    const sent: Message[] = []
    for (let batch = this.take(); batch.length > 0; batch = this.take()) {
      for (const { write, atOnce, commits, afterPersist, committed } of batch) {
        sent.push(...atOnce, ...commits, ...afterPersist)
        if (write !== undefined) this.handle({ kind: 'persisted', number: write.number })
        const applied = committed.at(-1)?.index ?? write?.snapshot?.index
        if (applied !== undefined) this.handle({ kind: 'applied', index: applied })
      }
    }
    return sent
  }

  sent<Kind extends Message['kind']>(kind: Kind): MessageOf<Kind>[] {
    return this.flush().filter((message): message is MessageOf<Kind> => message.kind === kind)
  }

  /** Is elected, and has its first entry committed by those who agree. Gives the term. */
  lead(agreeing: readonly string[] = ['b', 'c']): number {
    this.handle({ kind: 'campaign' })
    this.flush()
    for (const pre of [true, false]) {
      const { role, term, configuration } = this.status
      if (role === 'leader') break
      for (const voter of [...configuration.voters, ...configuration.outgoing]) {
        if (voter !== 'a') this.receive(voter, pre ? term + 1 : term, { kind: 'vote-reply', pre, granted: true })
      }
      this.flush()
    }
    const { term } = this.status
    for (const voter of agreeing) this.agree(voter)
    this.flush()
    return term
  }

  /** A follower has the log up to `index`. */
  agree(from: string, index = this.status.last): void {
    this.receive(from, this.status.term, { kind: 'append-reply', index, rejected: undefined })
  }
}
