import { createMessage } from '../../protocols/envelope/create.ts'
import { MeshError, RemoteError, toRemoteShape } from '../../protocols/errors.ts'
import type { PipelineEvent, PipelineHandler, PipelinePort, StageCall } from '../../src/node/pipeline-port.ts'
import { Pipelines } from '../../src/node/pipelines.ts'
import type { Clock } from '../../src/runtime/ports.ts'
import { seeded } from '../core/seeded.ts'

/** Time passes only when `advance` says so. */
class ManualClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ at: number; fn: () => void }>()

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, fn: () => void) {
    const timer = { at: this.#now + ms, fn }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn)
  }

  get pending(): number {
    return this.#timers.size
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#now = due.at
      due.fn()
      await settle()
    }
    this.#now = end
  }
}

/** Lets everything that is ready happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

export type Stage = (data: never, call: { attempt: number; signal: AbortSignal; options: StageCall }) => unknown

/** Agents as plain functions; every host of the mesh shares them. */
class FakeMesh implements PipelinePort {
  readonly agents = new Map<string, Record<string, PipelineHandler | Stage>>()
  readonly calls: { agent: string; data: unknown; options: StageCall }[] = []
  #failing = new Map<string, (error: MeshError) => void>()
  #attempts = new Map<string, number>()

  stage(agent: string, type: string, handler: Stage): void {
    this.agents.set(agent, { ...this.agents.get(agent), [type]: handler })
  }

  /** The host of that agent dies: calls under way fail, handlers are aborted. */
  kill(agent: string): void {
    this.agents.delete(agent)
    this.#failing.get(agent)?.(new MeshError('ERR_LINK_CLOSED', 'the link closed'))
  }

  async request(agent: string, data: unknown, options: StageCall) {
    this.calls.push({ agent, data, options })
    const handler = this.agents.get(agent)?.[options.type]
    if (handler === undefined) throw new MeshError('ERR_NO_RESPONDERS', `nobody hosts '${agent}'`)
    const signal = options.signal ?? new AbortController().signal
    const key = `${agent} ${options.routing.correlation}`
    const attempt = (this.#attempts.get(key) ?? 0) + 1
    this.#attempts.set(key, attempt)
    const gone = Promise.withResolvers<never>()
    gone.promise.catch(() => {})
    signal.addEventListener('abort', () => gone.reject(signal.reason), { once: true })
    this.#failing.set(agent, gone.reject)
    const message = createMessage(data, { source: '/test', type: options.type })
    const context = { attempt, signal, options }
    const answer = (async () =>
      (handler as (first: unknown, second: unknown) => unknown)(hosted(agent) ? message : data, context))()
    const reply = await Promise.race([answer, gone.promise]).catch((error) => {
      throw error instanceof MeshError && error.code === 'ERR_LINK_CLOSED'
        ? error
        : new RemoteError(toRemoteShape(error))
    })
    return createMessage(structuredClone(reply), { source: '/test', type: 'reply' })
  }

  async host(agent: string, handlers: Record<string, PipelineHandler>) {
    this.agents.set(agent, handlers)
    return { close: async () => void this.agents.delete(agent) }
  }
}

function hosted(agent: string): boolean {
  return agent.startsWith('phoenix.pipeline.')
}

export function setUp() {
  const mesh = new FakeMesh()
  const clock = new ManualClock()
  const random = seeded(7)
  const dice = { random, bytes: (length: number) => Uint8Array.from({ length }, () => random() * 256) }
  const events: PipelineEvent[] = []
  const host = () => new Pipelines({ port: mesh, clock, dice, events: (event) => events.push(event) })
  return { mesh, clock, events, pipelines: host(), elsewhere: host() }
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}
