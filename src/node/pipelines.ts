import { MeshError } from '../../protocols/errors.ts'
import { pipelineAgent } from '../../protocols/pipeline/constants.ts'
import type { Clock, Dice } from '../runtime/ports.ts'
import { type CloseOptions, createPipeline, type Pipeline } from './pipeline.ts'
import { PipelineDriver } from './pipeline-driver.ts'
import { createFeed, type PipelineFeed } from './pipeline-feed.ts'
import { checkPipelineId, type PipelineOptions, parsePipelineOptions } from './pipeline-options.ts'
import type { DeadLetter, PipelineEvent, PipelinePort } from './pipeline-port.ts'
import { pipelineHandlers } from './pipeline-service.ts'
import type { WaitOptions } from './pipeline-wait.ts'

/** Letters kept in memory for each pipeline; the oldest goes first, and was told as an event. A guess. */
const MAX_LETTERS = 1_000

export interface PipelinesOptions {
  port: PipelinePort
  clock: Clock
  dice: Dice
  /** Takes what `node.events()` tells. Must not throw. */
  events: (event: PipelineEvent) => void
}

/** `node.pipeline` and `node.pipelines`. */
export class Pipelines {
  readonly #options: PipelinesOptions
  /** Undefined while the mesh is being told of it. */
  readonly #local = new Map<string, Pipeline | undefined>()

  constructor(options: PipelinesOptions) {
    this.#options = options
  }

  /** Ids that this node coordinates. */
  get ids(): string[] {
    return [...this.#local.keys()]
  }

  /** Resolves once the mesh can find it. Throws `ERR_CONFIG` naming the key, `ERR_ALREADY_REGISTERED`. */
  async create(id: string, given: PipelineOptions, wait?: WaitOptions): Promise<Pipeline> {
    checkPipelineId(id)
    const plan = parsePipelineOptions(given)
    if (this.#local.has(id)) {
      throw new MeshError('ERR_ALREADY_REGISTERED', `this node coordinates a pipeline '${id}' already`, {
        details: { id }
      })
    }
    this.#local.set(id, undefined)
    const { port, clock, dice } = this.#options
    const letters: DeadLetter[] = []
    const driver = new PipelineDriver({ ...plan, id, port, clock, dice, events: (event) => this.#tell(event, letters) })
    try {
      const agent = await port.host(pipelineAgent(id), pipelineHandlers(driver, plan.overflow), wait)
      const closed = async () => {
        this.#local.delete(id)
        await agent.close()
      }
      const pipeline = createPipeline({ driver, overflow: plan.overflow, clock, letters, closed })
      this.#local.set(id, pipeline)
      return pipeline
    } catch (error) {
      this.#local.delete(id)
      throw error
    }
  }

  /** Never fails: who coordinates it is found with each call. Throws `ERR_CONFIG` for what is no id. */
  get(id: string): PipelineFeed {
    checkPipelineId(id)
    const local = this.#local.get(id)
    if (local === undefined) return createFeed(id, this.#options.port)
    return { id, send: local.send, stats: async () => local.stats() }
  }

  /** Closes all of them. */
  async close(options?: CloseOptions): Promise<void> {
    await Promise.all([...this.#local.values()].map((pipeline) => pipeline?.close(options)))
  }

  #tell(event: PipelineEvent, letters: DeadLetter[]): void {
    if (event.kind === 'pipeline-dead-letter') {
      const { kind: _, ...letter } = event
      letters.push(letter)
      if (letters.length > MAX_LETTERS) letters.shift()
    }
    this.#options.events(event)
  }
}
