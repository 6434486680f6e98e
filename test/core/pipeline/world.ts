import assert from 'node:assert/strict'
import { PipelineMachine } from '../../../src/core/pipeline/machine.ts'
import type { OnError, PipelineEffect, PipelineInput, StagePlan } from '../../../src/core/pipeline/types.ts'

export const plan = (name: string, overrides: Partial<StagePlan> = {}): StagePlan => ({
  name,
  agent: name,
  concurrency: 1,
  onError: 'retry',
  retries: 3,
  retryDelay: 100,
  maxRetryDelay: 5_000,
  timeout: 5_000,
  ...overrides
})

interface Trip {
  item: number
  path: string[]
}

type Fate = 'result' | 'skipped' | 'dead-lettered' | 'withdrawn' | 'stopped'

/**
 * A pipeline among agents that are slow, fail, and are reconfigured, under a virtual clock. Every rule that the machine
 * promises is checked at every step.
 */
export class World {
  readonly machine: PipelineMachine
  readonly fates = new Map<number, Fate>()
  readonly #random: () => number
  readonly #highWatermark: number
  readonly #failureRate: number
  readonly #agenda: { at: number; key: string; run: () => void }[] = []
  /** The stages that each item entered under. */
  readonly #lines = new Map<number, readonly StagePlan[]>()
  readonly #running = new Map<string, Set<number>>()
  readonly #lastStarted = new Map<string, number>()
  #stages: readonly StagePlan[]
  #now = 0
  #lastOut = -1
  #untaken = 0
  #effects: PipelineEffect[] = []

  constructor(random: () => number, failureRate: number) {
    this.#random = random
    this.#failureRate = failureRate
    this.#highWatermark = 1 + this.#below(20)
    this.#stages = this.#anyStages()
    this.machine = new PipelineMachine({ stages: this.#stages, highWatermark: this.#highWatermark, random })
  }

  /** Feeds `count` items, with taking, withdrawing and reconfiguring in between, until nothing is in flight. */
  run(count: number): void {
    let entered = 0
    while (entered < count || !this.machine.idle || this.#untaken > 0) {
      const dice = this.#random()
      if (entered < count && dice < 0.4) {
        if (this.machine.room > 0) this.#enter(entered++)
      } else if (dice < 0.6) this.#take()
      else if (dice < 0.61) this.#withdraw()
      else if (dice < 0.63 && entered < count) this.#reconfigure()
      else if (dice < 0.632) this.#input({ kind: 'abort' })
      else this.#advance()
      this.#check()
    }
    assert.equal(this.fates.size, count, 'every item has one fate')
    assert.equal(this.machine.room, this.#highWatermark, 'an empty pipeline has all its room')
    assert.equal(this.machine.changing, false)
    for (const { queued, running } of this.machine.status) assert.equal(queued + running, 0)
  }

  #enter(item: number): void {
    assert.equal(this.machine.nextSequence, item)
    this.#lines.set(item, this.#stages)
    this.#input({ kind: 'enter', value: { item, path: [] } satisfies Trip })
  }

  #take(): void {
    if (this.#untaken === 0) return
    this.#untaken--
    this.#input({ kind: 'release' })
  }

  #withdraw(): void {
    const unfinished = this.machine.unfinished()
    const sequence = unfinished[this.#below(unfinished.length)]
    if (sequence === undefined) return
    this.#decide(sequence, 'withdrawn')
    this.#input({ kind: 'withdraw', sequence })
  }

  #reconfigure(): void {
    this.#stages = this.#anyStages()
    this.#input({ kind: 'reconfigure', stages: this.#stages })
  }

  #advance(): void {
    this.#agenda.sort((a, b) => a.at - b.at)
    const event = this.#agenda.shift()
    if (event === undefined) return
    this.#now = event.at
    event.run()
  }

  #input(input: PipelineInput): void {
    if (input.kind === 'abort') for (const sequence of this.machine.unfinished()) this.#decide(sequence, 'stopped')
    this.machine.handle(input, this.#now, { push: (effect) => this.#effects.push(effect) })
    const effects = this.#effects
    this.#effects = []
    for (const effect of effects) this.#do(effect)
  }

  #do(effect: PipelineEffect): void {
    switch (effect.kind) {
      case 'call':
        this.#call(effect)
        break
      case 'cancel':
      case 'cancel-timer': {
        const index = this.#agenda.findIndex((event) => event.key === `${effect.kind}-${effect.sequence}`)
        assert.ok(index >= 0, 'only what is under way is cancelled')
        // A call that was cancelled may answer all the same: half of them do.
        if (effect.kind === 'cancel-timer' || this.#random() < 0.5) this.#agenda.splice(index, 1)
        this.#offStages(effect.sequence)
        break
      }
      case 'set-timer':
        this.#later(effect.delay, `cancel-timer-${effect.sequence}`, () =>
          this.#input({ kind: 'timer', sequence: effect.sequence })
        )
        break
      case 'result': {
        const { item, path } = effect.value as Trip
        assert.equal(item, effect.sequence)
        assert.ok(item > this.#lastOut, 'results leave in the order that inputs entered')
        assert.deepEqual(
          path,
          this.#lines.get(item)!.map((stage) => stage.name),
          'an item takes the stages that it entered under'
        )
        this.#lastOut = item
        this.#untaken++
        this.#decide(item, 'result')
        break
      }
      case 'skipped':
      case 'dead-lettered':
        this.#offStages(effect.loss.sequence)
        this.#decide(effect.loss.sequence, effect.kind)
        break
      case 'stopped':
        for (const sequence of effect.unfinished) {
          this.#offStages(sequence)
          this.#decide(sequence, 'stopped')
        }
    }
  }

  #call({ sequence, attempt, stage, value }: PipelineEffect & { kind: 'call' }): void {
    const running = this.#running.get(stage.name) ?? new Set()
    this.#running.set(stage.name, running)
    if (attempt === 1) {
      assert.ok(sequence > (this.#lastStarted.get(stage.name) ?? -1), 'items start at a stage in order')
      this.#lastStarted.set(stage.name, sequence)
    }
    assert.equal(running.has(sequence), attempt > 1, 'a retry keeps its slot')
    running.add(sequence)
    assert.ok(running.size <= stage.concurrency, 'never more calls than the concurrency')
    this.#later(this.#random() * 50, `cancel-${sequence}`, () => {
      const trip = value as Trip
      if (this.#random() < this.#failureRate) {
        this.#input({ kind: 'failed', sequence, attempt, error: new Error(`${stage.name} failed`) })
      } else {
        if (!this.fates.has(sequence)) running.delete(sequence)
        this.#input({
          kind: 'succeeded',
          sequence,
          attempt,
          value: { item: trip.item, path: [...trip.path, stage.name] }
        })
      }
    })
  }

  #check(): void {
    assert.ok(this.machine.room >= 0, 'never more than the high watermark')
    assert.ok(this.machine.unfinished().length + this.#untaken <= this.#highWatermark)
  }

  #decide(sequence: number, fate: Fate): void {
    assert.equal(this.fates.get(sequence), undefined, `item ${sequence} ends once`)
    this.fates.set(sequence, fate)
  }

  #offStages(sequence: number): void {
    for (const running of this.#running.values()) running.delete(sequence)
  }

  #later(delay: number, key: string, run: () => void): void {
    this.#agenda.push({ at: this.#now + delay, key, run })
  }

  #anyStages(): StagePlan[] {
    const names = ['parse', 'enrich', 'store', 'index'].filter(() => this.#random() < 0.7)
    const onErrors: OnError[] = ['skip', 'dead-letter', 'retry', 'stop']
    return (names.length === 0 ? ['parse'] : names).map((name) => {
      // 'stop' ends everything in flight, so a world full of it would show little else.
      const onError = onErrors[this.#below(this.#random() < 0.1 ? 4 : 2)]!
      return plan(name, { concurrency: 1 + this.#below(5), onError, retries: onError === 'retry' ? 8 : this.#below(3) })
    })
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }
}
