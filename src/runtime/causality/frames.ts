import { encodeComing, encodeFill, encodeMissing, encodeStatements } from '../../../protocols/causality/codec.ts'
import { CAUSALITY, Kind, MAX_NUMBERS } from '../../../protocols/causality/constants.ts'
import type { Statement } from '../../../protocols/causality/messages.ts'
import type { CausalEffect } from '../../core/causality/types.ts'
import type { Links } from '../links/types.ts'
import type { Clock } from '../ports.ts'

type Said = Extract<CausalEffect<never>, { kind: 'ask' | 'passed' | 'missing' | 'fill' | 'coming' }>

interface Outgoing {
  ask: Statement[]
  passed: Statement[]
}

/** What hosts say to each other about the order: questions and answers of one turn share a frame. What cannot be sent is asked again. */
export class Frames {
  readonly #links: Links
  readonly #clock: Pick<Clock, 'endOfTurn'>
  #statements = new Map<string, Outgoing>()

  constructor(links: Links, clock: Pick<Clock, 'endOfTurn'>) {
    this.#links = links
    this.#clock = clock
  }

  say(said: Said): void {
    switch (said.kind) {
      case 'missing':
        this.#send(said.peer, Kind.missing, encodeMissing(said.missing))
        break
      case 'fill':
        this.#send(said.peer, Kind.fill, encodeFill(said.fill))
        break
      case 'coming':
        this.#send(said.peer, Kind.coming, encodeComing(said.epoch, said.way))
        break
      default:
        this.#gather(said.peer, said.kind, said.statement)
    }
  }

  #gather(peer: string, kind: 'ask' | 'passed', statement: Statement): void {
    if (this.#statements.size === 0) this.#clock.endOfTurn(() => this.#flush())
    let outgoing = this.#statements.get(peer)
    if (outgoing === undefined) this.#statements.set(peer, (outgoing = { ask: [], passed: [] }))
    outgoing[kind].push(statement)
  }

  #flush(): void {
    const statements = this.#statements
    this.#statements = new Map()
    for (const [peer, { ask, passed }] of statements) {
      for (let at = 0; at < ask.length; at += MAX_NUMBERS) {
        this.#send(peer, Kind.ask, encodeStatements(ask.slice(at, at + MAX_NUMBERS)))
      }
      for (let at = 0; at < passed.length; at += MAX_NUMBERS) {
        this.#send(peer, Kind.passed, encodeStatements(passed.slice(at, at + MAX_NUMBERS)))
      }
    }
  }

  #send(peer: string, kind: number, body: Uint8Array): void {
    try {
      this.#links.to(peer, CAUSALITY, 'control').send(kind, body, false)
    } catch {
      // The links are stopped, or the peer cannot be reached: whoever waits asks again, and waits for a time only.
    }
  }
}
