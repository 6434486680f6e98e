import { MeshError } from '../../protocols/errors.ts'
import type { PipelineStats } from '../../protocols/pipeline/messages.ts'
import { PipelineMachine } from '../core/pipeline/machine.ts'
import type { Loss, PipelineEffect, PipelineInput, StagePlan } from '../core/pipeline/types.ts'
import type { Clock, Dice, Timer } from '../runtime/ports.ts'
import { PipelineDoor } from './pipeline-door.ts'
import { Latencies } from './pipeline-latency.ts'
import type { PipelinePlan } from './pipeline-options.ts'
import type { PipelineEvent, PipelinePort } from './pipeline-port.ts'

/** Who put an item in, and is told of its end exactly once. Must not throw. */
export interface ItemOwner {
  /** The result keeps its place in the pipeline until `release`. */
  finished(sequence: number, value: unknown): void
  lost(sequence: number, reason: 'skipped' | 'dead-lettered', loss: Loss): void
  /** The pipeline stopped: at `loss`, or because it was closed. */
  stopped(sequence: number, loss: Loss | undefined, error: MeshError): void
}

export interface DriverOptions extends PipelinePlan {
  id: string
  port: PipelinePort
  clock: Clock
  dice: Dice
  events: (event: PipelineEvent) => void
}

/** Calls the stages as the machine says, and tells it how that went. */
export class PipelineDriver {
  readonly id: string
  readonly highWatermark: number
  readonly door: PipelineDoor
  readonly #machine: PipelineMachine
  readonly #port: PipelinePort
  readonly #clock: Clock
  readonly #events: (event: PipelineEvent) => void
  readonly #latencies = new Latencies()
  /** Tells this life of the pipeline from an earlier one; see protocols/pipeline. */
  readonly #run: string
  readonly #owners = new Map<number, ItemOwner>()
  readonly #calls = new Map<number, AbortController>()
  readonly #timers = new Map<number, Timer>()
  readonly #effects: PipelineEffect[] = []
  #performing = false
  #completed = 0
  #onIdle: (() => void)[] = []
  #onReconfigured: (() => void)[] = []

  constructor(options: DriverOptions) {
    const { id, stages, highWatermark, port, clock, dice, events } = options
    this.id = id
    this.highWatermark = highWatermark
    this.#port = port
    this.#clock = clock
    this.#events = events
    this.#run = Buffer.from(dice.bytes(8)).toString('hex')
    this.#machine = new PipelineMachine({ stages, highWatermark, random: () => dice.random() })
    this.door = new PipelineDoor(() => this.#machine.room > 0)
  }

  /** Only while there is room: call it from `door.pass`. */
  enter(value: unknown, owner: ItemOwner): number {
    const sequence = this.#machine.nextSequence
    this.#owners.set(sequence, owner)
    this.#handle({ kind: 'enter', value })
    return sequence
  }

  /** A result was taken: its place is free. */
  release(): void {
    this.#handle({ kind: 'release' })
  }

  /** Its owner hears no more of it. */
  withdraw(sequence: number): void {
    if (this.#owners.delete(sequence)) this.#handle({ kind: 'withdraw', sequence })
  }

  /** Resolves when nothing is on the old stages any more. */
  reconfigure(stages: readonly StagePlan[]): Promise<void> {
    this.#handle({ kind: 'reconfigure', stages })
    this.#latencies.keep(stages.map((stage) => stage.name))
    this.#events({ kind: 'pipeline-reconfigured', pipeline: this.id, stages: stages.map((stage) => stage.name) })
    if (!this.#machine.changing) return Promise.resolve()
    return new Promise((resolve) => this.#onReconfigured.push(resolve))
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.#machine.idle) return Promise.resolve()
    return new Promise((resolve) => this.#onIdle.push(resolve))
  }

  /** Cancels what is in flight; its owners get `error`. */
  abort(error: MeshError): void {
    const unfinished = this.#machine.unfinished()
    this.#handle({ kind: 'abort' })
    for (const sequence of unfinished) this.#disown(sequence)?.stopped(sequence, undefined, error)
  }

  stats(): PipelineStats {
    const stages = this.#machine.status.map((stage) => ({ ...stage, latency: this.#latencies.of(stage.name) }))
    return {
      id: this.id,
      entered: this.#machine.nextSequence,
      completed: this.#completed,
      inFlight: this.#machine.unfinished().length,
      highWatermark: this.highWatermark,
      stages
    }
  }

  /** Effects of an input that an effect gave rise to come after those before it. */
  #handle(input: PipelineInput): void {
    this.#machine.handle(input, this.#clock.monotonic(), this.#effects)
    if (this.#performing) return
    this.#performing = true
    try {
      for (let i = 0; i < this.#effects.length; i++) this.#perform(this.#effects[i]!)
    } finally {
      this.#effects.length = 0
      this.#performing = false
    }
  }

  #perform(effect: PipelineEffect): void {
    switch (effect.kind) {
      case 'call':
        void this.#call(effect)
        break
      case 'cancel': {
        const call = this.#calls.get(effect.sequence)
        this.#calls.delete(effect.sequence)
        call?.abort(new MeshError('ERR_ABORTED', `pipeline '${this.id}' does not want this answer any more`))
        break
      }
      case 'set-timer':
        this.#setTimer(effect.sequence, effect.delay)
        break
      case 'cancel-timer':
        this.#timers.get(effect.sequence)?.cancel()
        this.#timers.delete(effect.sequence)
        break
      case 'result':
        this.#finish(effect.sequence, effect.value)
        break
      case 'skipped':
      case 'dead-lettered':
        this.#lose(effect.kind, effect.loss)
        break
      case 'stopped':
        this.#stop(effect.loss, effect.unfinished)
        break
      case 'room':
        this.door.open()
        break
      case 'idle':
        for (const resolve of this.#onIdle.splice(0)) resolve()
        break
      case 'reconfigured':
        for (const resolve of this.#onReconfigured.splice(0)) resolve()
    }
  }

  async #call({ sequence, attempt, stage, value }: PipelineEffect & { kind: 'call' }): Promise<void> {
    const controller = new AbortController()
    this.#calls.set(sequence, controller)
    const began = this.#clock.monotonic()
    let input: PipelineInput
    try {
      const { data } = await this.#port.request(stage.agent, value, {
        type: stage.name,
        routing: { pattern: 'pipeline', pipeline: this.id, correlation: `${this.#run}/${sequence}` },
        signal: controller.signal,
        timeout: stage.timeout
      })
      input = { kind: 'succeeded', sequence, attempt, value: data }
    } catch (error) {
      input = { kind: 'failed', sequence, attempt, error }
    }
    if (this.#calls.get(sequence) !== controller) return
    this.#calls.delete(sequence)
    if (input.kind === 'succeeded') this.#latencies.record(stage.name, this.#clock.monotonic() - began)
    this.#handle(input)
  }

  #setTimer(sequence: number, delay: number): void {
    const timer = this.#clock.after(delay, () => {
      this.#timers.delete(sequence)
      this.#handle({ kind: 'timer', sequence })
    })
    this.#timers.set(sequence, timer)
  }

  #finish(sequence: number, value: unknown): void {
    this.#completed++
    const owner = this.#disown(sequence)
    // Withdrawn between the machine's decision and this deed.
    if (owner === undefined) this.release()
    else owner.finished(sequence, value)
  }

  #lose(reason: 'skipped' | 'dead-lettered', loss: Loss): void {
    const { sequence, stage, error, attempts, item, input } = loss
    const failure = { pipeline: this.id, stage: stage.name, sequence, error, attempts }
    if (reason === 'skipped') this.#events({ kind: 'pipeline-skipped', ...failure })
    else this.#events({ kind: 'pipeline-dead-letter', ...failure, agent: stage.agent, item, input })
    this.#disown(sequence)?.lost(sequence, reason, loss)
  }

  #stop(loss: Loss, unfinished: readonly number[]): void {
    const { sequence, stage, error, attempts } = loss
    this.#events({
      kind: 'pipeline-stopped',
      pipeline: this.id,
      stage: stage.name,
      sequence,
      error,
      attempts,
      unfinished
    })
    const failure = lossError(this.id, 'stopped', loss, unfinished)
    for (const one of unfinished) this.#disown(one)?.stopped(one, loss, failure)
  }

  #disown(sequence: number): ItemOwner | undefined {
    const owner = this.#owners.get(sequence)
    this.#owners.delete(sequence)
    return owner
  }
}

/** What a feeder gets for an item that was lost: where, after how many attempts, and what else was in flight. */
export function lossError(
  pipeline: string,
  reason: 'skipped' | 'dead-lettered' | 'stopped',
  loss: Loss,
  unfinished: readonly number[]
): MeshError {
  const { sequence, stage, error, attempts } = loss
  const why = error instanceof Error ? error.message : String(error)
  const text = `stage '${stage.name}' of pipeline '${pipeline}' failed on item ${sequence} after ${attempts} attempts: ${why}`
  const details = { pipeline, reason, stage: stage.name, sequence, attempts, unfinished }
  return new MeshError('ERR_PIPELINE', text, { cause: error, details })
}
