import type { Machine, Random, Sink } from '../machine.ts'
import { createLine, type Item, type Line, type Stage, statusOf } from './stage.ts'
import type { Loss, PipelineEffect, PipelineInput, StagePlan, StageStatus } from './types.ts'

export interface PipelineMachineOptions {
  stages: readonly StagePlan[]
  /** Items between entry and release, at most. */
  highWatermark: number
  random: Random
}

type Effects = Sink<PipelineEffect>

/**
 * A pipeline without its calls. Items enter, start at each stage and leave in one order; at most `highWatermark` are
 * held, from entry until their result is released, so a slow taker slows the source.
 *
 * Reconfiguration opens a new line of stages. It starts to work when the line before has finished, so that an agent
 * that is in both never gets a later item before an earlier one, nor more calls than its concurrency.
 */
export class PipelineMachine implements Machine<PipelineInput, PipelineEffect> {
  readonly #highWatermark: number
  readonly #random: Random
  /** Items from entry until they leave, by number. */
  readonly #items = new Map<number, Item>()
  /** The line at work first, the one that takes new items last. */
  #lines: [Line, ...Line[]]
  #next = 0
  /** The number of the item that leaves next. */
  #head = 0
  /** Items entered and not released: never above the high watermark. */
  #held = 0

  constructor(options: PipelineMachineOptions) {
    this.#highWatermark = options.highWatermark
    this.#random = options.random
    this.#lines = [createLine(options.stages, 0, undefined)]
  }

  get nextSequence(): number {
    return this.#next
  }

  get room(): number {
    return this.#highWatermark - this.#held
  }

  /** True when nothing is in flight; results may still wait to be taken. */
  get idle(): boolean {
    return this.#items.size === 0
  }

  /** True while the stages of before the last `reconfigure` still work. */
  get changing(): boolean {
    return this.#lines.length > 1
  }

  get status(): StageStatus[] {
    return this.#lines.at(-1)!.stages.map(statusOf)
  }

  /** The items whose end is not told yet, in order. */
  unfinished(): number[] {
    return [...this.#items.values()].filter((item) => item.state !== 'dropped').map((item) => item.sequence)
  }

  handle(input: PipelineInput, _now: number, effects: Effects): void {
    const full = this.room === 0
    const idle = this.idle
    switch (input.kind) {
      case 'enter':
        this.#enter(input.value, effects)
        break
      case 'succeeded':
        this.#succeeded(this.#running(input), input.value, effects)
        break
      case 'failed':
        this.#failed(this.#running(input), input.error, effects)
        break
      case 'timer':
        this.#retry(this.#items.get(input.sequence), effects)
        break
      case 'release':
        if (this.#held > this.#items.size) this.#held--
        break
      case 'withdraw':
        this.#withdraw(this.#items.get(input.sequence), effects)
        break
      case 'reconfigure':
        this.#lines.push(createLine(input.stages, this.#next, this.#lines.at(-1)))
        this.#shiftLines(effects)
        break
      case 'abort':
        this.#clear(effects)
    }
    if (full && this.room > 0) effects.push({ kind: 'room' })
    if (!idle && this.idle) effects.push({ kind: 'idle' })
  }

  /** An answer counts only for the attempt under way: what was cancelled or restarted may still answer. */
  #running({ sequence, attempt }: { sequence: number; attempt: number }): Item | undefined {
    const item = this.#items.get(sequence)
    return item?.state === 'running' && item.attempts === attempt ? item : undefined
  }

  #enter(value: unknown, effects: Effects): void {
    if (this.room <= 0) throw new RangeError('an item entered a full pipeline')
    const line = this.#lines.at(-1)!
    const sequence = this.#next++
    const item: Item = { sequence, line, original: value, value, stage: 0, state: 'waiting', attempts: 0 }
    this.#items.set(sequence, item)
    this.#held++
    line.unfinished++
    this.#arrive(item, effects)
  }

  #arrive(item: Item, effects: Effects): void {
    const stage = stageOf(item)
    stage.counters.in++
    stage.queued++
    this.#startWaiting(item.line, item.stage, effects)
  }

  /** Starts what may start at a stage: in order, as far as slots reach. */
  #startWaiting(line: Line, index: number, effects: Effects): void {
    if (line !== this.#lines[0]) return
    const stage = line.stages[index]!
    while (stage.running < stage.plan.concurrency && stage.next < this.#next) {
      const item = this.#items.get(stage.next)
      if (item !== undefined && item.line !== line) return
      // One that left, or was dropped upstream, will never come here.
      if (item === undefined || item.state === 'dropped') {
        stage.next++
        continue
      }
      if (item.stage !== index || item.state !== 'waiting') return
      stage.next++
      stage.queued--
      stage.running++
      this.#call(item, stage, effects)
    }
  }

  #call(item: Item, stage: Stage, effects: Effects): void {
    item.state = 'running'
    item.attempts++
    const { sequence, attempts: attempt, value } = item
    effects.push({ kind: 'call', sequence, attempt, stage: stage.plan, value })
  }

  #succeeded(item: Item | undefined, value: unknown, effects: Effects): void {
    if (item === undefined) return
    const { line, stage: index } = item
    const stage = stageOf(item)
    stage.counters.out++
    stage.running--
    item.value = value
    item.attempts = 0
    item.stage++
    if (item.stage < line.stages.length) {
      item.state = 'waiting'
      this.#arrive(item, effects)
    } else {
      item.state = 'finished'
      this.#settle(item, effects)
    }
    this.#startWaiting(line, index, effects)
  }

  #failed(item: Item | undefined, error: unknown, effects: Effects): void {
    if (item === undefined) return
    const { plan, counters } = stageOf(item)
    const { sequence, attempts } = item
    counters.failed++
    if (attempts <= plan.retries) {
      const longest = Math.min(plan.maxRetryDelay, plan.retryDelay * 2 ** Math.min(attempts - 1, 30))
      item.state = 'pausing'
      effects.push({ kind: 'set-timer', sequence, delay: longest * this.#random() })
      return
    }
    const loss: Loss = { sequence, stage: plan, item: item.original, input: item.value, error, attempts }
    if (plan.onError === 'skip' || plan.onError === 'dead-letter') {
      const skip = plan.onError === 'skip'
      counters[skip ? 'skipped' : 'deadLettered']++
      effects.push({ kind: skip ? 'skipped' : 'dead-lettered', loss })
      this.#drop(item, effects)
    } else {
      const unfinished = this.unfinished()
      leaveStage(item)
      item.state = 'dropped'
      this.#clear(effects)
      effects.push({ kind: 'stopped', loss, unfinished })
    }
  }

  #retry(item: Item | undefined, effects: Effects): void {
    if (item?.state !== 'pausing') return
    const stage = stageOf(item)
    stage.counters.retried++
    this.#call(item, stage, effects)
  }

  #withdraw(item: Item | undefined, effects: Effects): void {
    if (item === undefined || item.state === 'dropped') return
    if (item.state === 'finished') {
      // It waits for its turn to leave, and now leaves without a result.
      item.state = 'dropped'
      return
    }
    recall(item, effects)
    this.#drop(item, effects)
  }

  /** Takes an item off its stage for good; those that waited for it go on. */
  #drop(item: Item, effects: Effects): void {
    const { line, stage: index } = item
    leaveStage(item)
    item.state = 'dropped'
    this.#settle(item, effects)
    for (let i = index; i < line.stages.length; i++) this.#startWaiting(line, i, effects)
  }

  #settle(item: Item, effects: Effects): void {
    item.line.unfinished--
    this.#leave(effects)
    this.#shiftLines(effects)
  }

  /** Lets go, in order, of those at the head that are done. */
  #leave(effects: Effects): void {
    for (;;) {
      const item = this.#items.get(this.#head)
      if (item === undefined || (item.state !== 'finished' && item.state !== 'dropped')) return
      this.#items.delete(this.#head++)
      if (item.state === 'dropped') this.#held--
      else effects.push({ kind: 'result', sequence: item.sequence, value: item.value })
    }
  }

  /** A line that has finished and takes no new items makes way for the next. */
  #shiftLines(effects: Effects): void {
    while (this.#lines.length > 1 && this.#lines[0].unfinished === 0) {
      this.#lines.shift()
      if (this.#lines.length === 1) effects.push({ kind: 'reconfigured' })
      this.#startWaiting(this.#lines[0], 0, effects)
    }
  }

  /** Empties the pipeline; counters stay. */
  #clear(effects: Effects): void {
    for (const item of this.#items.values()) {
      recall(item, effects)
      leaveStage(item)
    }
    this.#held -= this.#items.size
    this.#items.clear()
    this.#head = this.#next
    for (const line of this.#lines) {
      line.unfinished = 0
      for (const stage of line.stages) stage.next = this.#next
    }
    this.#shiftLines(effects)
  }
}

function stageOf(item: Item): Stage {
  return item.line.stages[item.stage]!
}

function recall(item: Item, effects: Effects): void {
  if (item.state === 'running') effects.push({ kind: 'cancel', sequence: item.sequence })
  if (item.state === 'pausing') effects.push({ kind: 'cancel-timer', sequence: item.sequence })
}

function leaveStage(item: Item): void {
  if (item.state === 'waiting') stageOf(item).queued--
  if (item.state === 'running' || item.state === 'pausing') stageOf(item).running--
}
