import * as v from 'valibot'
import { MeshError } from '../errors.ts'
import { MAX_NAME_BYTES } from '../point-to-point/constants.ts'
import { MAX_ERROR_CHARS, MAX_NAME_CHARS, MAX_STAGES } from './constants.ts'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const duration = v.pipe(v.number(), v.finite(), v.minValue(0))
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_NAME_CHARS))
const code = v.pipe(v.string(), v.maxLength(256))

const remoteError = v.object({
  name: code,
  code,
  message: v.pipe(v.string(), v.maxLength(MAX_ERROR_CHARS)),
  retryable: v.boolean()
})

const done = v.object({ status: v.literal('done'), sequence: count, result: v.optional(v.unknown()) })

/** The item will have no result; `reason` says what its stage's error policy made of it. */
const lost = v.object({
  status: v.literal('lost'),
  sequence: count,
  reason: v.picklist(['skipped', 'dead-lettered', 'stopped']),
  stage: name,
  attempts: count,
  error: remoteError
})

const reply = v.variant('status', [done, lost])

const latency = v.object({ count, p50: duration, p90: duration, p99: duration, max: duration })

const stage = v.object({
  name,
  agent: v.pipe(v.string(), v.minLength(1), v.maxBytes(MAX_NAME_BYTES)),
  in: count,
  out: count,
  failed: count,
  retried: count,
  skipped: count,
  deadLettered: count,
  queued: count,
  running: count,
  latency
})

const stats = v.object({
  id: name,
  entered: count,
  completed: count,
  inFlight: count,
  highWatermark: count,
  stages: v.pipe(v.array(stage), v.maxLength(MAX_STAGES))
})

/** What answers `phoenix.pipeline.process`. */
export type ProcessReply = v.InferOutput<typeof reply>

/** ms, of the attempts that succeeded. */
export type StageLatency = v.InferOutput<typeof latency>
export type StageStats = v.InferOutput<typeof stage>
/** What answers `phoenix.pipeline.stats`, and `pipeline.stats()`. */
export type PipelineStats = v.InferOutput<typeof stats>

/** Throws `ERR_MALFORMED` with the path of what is wrong. */
export function parseProcessReply(data: unknown): ProcessReply {
  return check(reply, data, 'reply of a pipeline')
}

/** Throws `ERR_MALFORMED` with the path of what is wrong. */
export function parsePipelineStats(data: unknown): PipelineStats {
  return check(stats, data, 'statistics of a pipeline')
}

function check<Schema extends v.GenericSchema>(schema: Schema, data: unknown, what: string): v.InferOutput<Schema> {
  const checked = v.safeParse(schema, data)
  if (checked.success) return checked.output
  const [issue] = checked.issues
  const path = v.getDotPath(issue) ?? '$'
  throw new MeshError('ERR_MALFORMED', `${what}: ${path}: ${issue.message}`, { details: { path } })
}
