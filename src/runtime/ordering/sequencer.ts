import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { HoldBack, type HoldBackEffect } from '../../core/ordering/hold-back.ts'
import type { Deliver, Inbound } from '../delivery/inbound.ts'
import type { Clock, Timer } from '../ports.ts'
import { SequencedInbound } from './sequenced-inbound.ts'
import { lineOf, partsOfLine } from './sequences.ts'

export interface SequencerEvent {
  kind: 'sequence-voided'
  /** The group that gave the numbers. */
  group: string
  /** Whom the messages were for. */
  agent: string
  key: string
  /** These did not come in time: what comes of them now is sent under another number. */
  from: number
  to: number
}

export interface SequencerParts {
  readonly clock: Clock
  readonly gapTimeout: number
  /** Takes what is to be handled. */
  readonly deliver: Deliver
  emit(event: SequencerEvent): void
}

/** Messages that wait: two windows of credit, as those in causal order. */
const WAITING = 8_192
/** Sequences remembered: some 200 bytes each. A guess. */
const SEQUENCES = 16_384

/** Hands what has a place in total order to its agent when its turn comes: the driver of `HoldBack`. */
export class Sequencer {
  readonly #parts: SequencerParts
  readonly #machine: HoldBack<SequencedInbound>
  readonly #sink = { push: (effect: HoldBackEffect<SequencedInbound>) => this.#perform(effect) }
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #stopped: MeshError | undefined

  constructor(parts: SequencerParts) {
    this.#parts = parts
    this.#machine = new HoldBack({ gapTimeout: parts.gapTimeout, waiting: WAITING, sequences: SEQUENCES })
  }

  /** Messages that wait for their turn. */
  get waiting(): number {
    return this.#machine.waiting
  }

  readonly deliver = (inbound: Inbound): void => {
    const { extra, attributes } = inbound.message as WireMessage
    if (extra?.sequence === undefined) this.#parts.deliver(inbound)
    else if (this.#stopped !== undefined) inbound.refuse(this.#stopped)
    else {
      const { sequence: number, settled = 0 } = extra
      const sequence = lineOf(attributes, extra)
      const placed = new SequencedInbound(inbound, { sequence, number, settled }, this.#ended)
      const before = this.#machine.waiting
      this.#machine.arrive(placed, this.#parts.clock.monotonic(), this.#sink)
      if (this.#machine.waiting > before) placed.hold()
      this.#arm()
    }
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timerAt = Number.NEGATIVE_INFINITY
    this.#stopped = new MeshError('ERR_STOPPED', 'the node is stopped')
    for (const inbound of this.#machine.clear()) inbound.refuse(this.#stopped)
  }

  readonly #ended = (inbound: SequencedInbound, over: boolean): void => {
    if (this.#stopped !== undefined) return
    this.#machine.ended(inbound, over, this.#parts.clock.monotonic(), this.#sink)
    this.#arm()
  }

  #perform(effect: HoldBackEffect<SequencedInbound>): void {
    switch (effect.kind) {
      case 'deliver':
        this.#parts.deliver(effect.item)
        break
      case 'refuse':
        effect.item.refuse(effect.reason === 'void' ? voided(effect.item) : full())
        break
      case 'void':
        this.#parts.emit({ kind: 'sequence-voided', ...partsOfLine(effect.sequence), from: effect.from, to: effect.to })
        break
    }
  }

  #arm(): void {
    const { wakeAt } = this.#machine
    if (wakeAt >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = wakeAt
    const { clock } = this.#parts
    this.#timer = clock.after(Math.max(0, wakeAt - clock.monotonic()), () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#machine.tick(clock.monotonic(), this.#sink)
      this.#arm()
    })
  }
}

function voided({ number }: SequencedInbound): MeshError {
  return new MeshError('ERR_VOIDED', `number ${number} was given up here: another is needed`)
}

function full(): MeshError {
  return new MeshError('ERR_QUEUE_FULL', 'too much waits for its turn in total order')
}
