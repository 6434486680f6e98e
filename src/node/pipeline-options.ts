import * as v from 'valibot'
import { MeshError } from '../../protocols/errors.ts'
import { MAX_NAME_CHARS, MAX_STAGES } from '../../protocols/pipeline/constants.ts'
import { MAX_NAME_BYTES } from '../../protocols/point-to-point/constants.ts'
import type { OnError, StagePlan } from '../core/pipeline/types.ts'

export interface StageOptions {
  /** The type of the requests that its agent gets: it answers with `handle(name, …)`. Unique in the pipeline. */
  name: string
  agent: string
  /** Calls at a time. Default 1. Items start in order whatever it is. */
  concurrency?: number | undefined
  /**
   * What happens to an item that failed for good. `'stop'` ends the pipeline's runs with `ERR_PIPELINE`; `'skip'` drops
   * the item; `'dead-letter'` keeps it aside; `'retry'`, the default (the specification's), tries `retries` times more,
   * then stops.
   */
  onError?: OnError | undefined
  /** Attempts after the first. Default 3 with `'retry'` (the specification's), else 0. */
  retries?: number | undefined
  /** ms; a retry waits a random part of it, doubled with each attempt. Default 100 (a guess). */
  retryDelay?: number | undefined
  /** ms that the doubling ends at. Default 5,000 (a guess). */
  maxRetryDelay?: number | undefined
  /** ms that one attempt may take. Default 5,000 (the specification's for requests). */
  timeout?: number | undefined
}

export interface PipelineOptions {
  stages: readonly StageOptions[]
  /** What `send` meets at the high watermark: `'buffer'`, the default (the specification's), waits; `'reject'` throws `ERR_BACKPRESSURE`. */
  overflow?: 'buffer' | 'reject' | undefined
  /**
   * Items held at most, from entry until their result is taken. Default 1,000 (api.md's example). As many `send` calls
   * may wait besides with `'buffer'`; what comes then is `ERR_QUEUE_FULL`.
   */
  highWatermark?: number | undefined
}

export interface PipelinePlan {
  stages: StagePlan[]
  overflow: 'buffer' | 'reject'
  highWatermark: number
}

/** What `node.agent` takes: no agent has any other name. */
const AGENT = `must be an agent’s name of 1 to ${MAX_NAME_BYTES} bytes`
const NAME = `must be a text of 1 to ${MAX_NAME_CHARS} characters`
const WHOLE = 'must be a whole number'
const name = v.pipe(v.string(NAME), v.minLength(1, NAME), v.maxLength(MAX_NAME_CHARS, NAME))
const whole = (least: number, most: number) =>
  v.pipe(
    v.number(WHOLE),
    v.safeInteger(WHOLE),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`)
  )
/** ms, up to a day. */
const duration = v.pipe(
  v.number('must be ms'),
  v.minValue(0, 'must be 0 ms or more'),
  v.maxValue(86_400_000, 'must be a day at most')
)

const stage = v.pipe(
  v.strictObject({
    name,
    agent: v.pipe(v.string(AGENT), v.minLength(1, AGENT), v.maxBytes(MAX_NAME_BYTES, AGENT)),
    concurrency: v.optional(whole(1, 10_000), 1),
    onError: v.optional(
      v.picklist(['stop', 'skip', 'retry', 'dead-letter'], 'must be stop, skip, retry or dead-letter'),
      'retry'
    ),
    retries: v.optional(whole(0, 1_000_000)),
    retryDelay: v.optional(duration, 100),
    maxRetryDelay: v.optional(duration, 5_000),
    timeout: v.optional(v.pipe(duration, v.minValue(1, 'must be 1 ms or more')), 5_000)
  }),
  v.transform((given): StagePlan => ({ ...given, retries: given.retries ?? (given.onError === 'retry' ? 3 : 0) }))
)

const stages = v.pipe(
  v.array(stage, 'must be a list of stages'),
  v.minLength(1, 'must have at least one stage'),
  v.maxLength(MAX_STAGES, `must have at most ${MAX_STAGES} stages`),
  v.check((list) => new Set(list.map((one) => one.name)).size === list.length, 'must not name a stage twice')
)

const options = v.strictObject({
  stages,
  overflow: v.optional(v.picklist(['buffer', 'reject'], 'must be buffer or reject'), 'buffer'),
  highWatermark: v.optional(whole(1, 1_000_000), 1_000)
})

const reconfiguration = v.strictObject({ stages })

/** Throws `ERR_CONFIG` naming the key. */
export function parsePipelineOptions(given: unknown): PipelinePlan {
  return parse(options, given)
}

/** Throws `ERR_CONFIG` naming the key. */
export function parseReconfiguration(given: unknown): { stages: StagePlan[] } {
  return parse(reconfiguration, given)
}

/** Throws `ERR_CONFIG`. */
export function checkPipelineId(id: unknown): asserts id is string {
  if (typeof id !== 'string' || !/^[\w.-]+$/.test(id) || id.length > MAX_NAME_CHARS) {
    throw new MeshError(
      'ERR_CONFIG',
      `a pipeline's id must be 1 to ${MAX_NAME_CHARS} of the characters A-Z a-z 0-9 . _ -`,
      {
        details: { key: 'id' }
      }
    )
  }
}

function parse<Schema extends v.GenericSchema>(schema: Schema, given: unknown): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, given, { abortEarly: true })
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const key = v.getDotPath(issue) ?? 'options'
  const what = issue.type === 'strict_object' && issue.expected === 'never' ? 'is not known' : issue.message
  throw new MeshError('ERR_CONFIG', `pipeline: ${key} ${what}`, { details: { key } })
}
