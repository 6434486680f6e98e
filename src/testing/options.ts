import * as v from 'valibot'
import { MeshError } from '../../protocols/errors.ts'
import { MAX_MEMBERS } from '../../protocols/raft/constants.ts'

/** What a simulation can be told, as rules: a share above 1 or a latency that is no range would never end, not fail. */

const whole = (least: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(least))
const duration = v.pipe(v.number(), v.finite(), v.minValue(0))
const latency = v.pipe(
  v.tuple([duration, duration]),
  v.check(([min, max]) => min <= max)
)

const chance = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

const disk = v.strictObject({
  syncLatency: v.optional(latency),
  readLatency: v.optional(duration),
  syncFailure: v.optional(chance),
  writeFailure: v.optional(chance),
  capacity: v.optional(v.pipe(v.number(), v.minValue(0))),
  readOnly: v.optional(v.boolean())
})

const options = v.strictObject({
  nodes: v.union([v.pipe(whole(1), v.maxValue(10_000)), v.array(v.record(v.string(), v.unknown()))]),
  controlPlane: v.optional(v.strictObject({ voters: v.pipe(v.array(whole(0)), v.maxLength(MAX_MEMBERS)) })),
  seed: v.optional(v.pipe(v.number(), v.finite())),
  ready: v.optional(v.boolean()),
  latency: v.optional(latency),
  loss: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  retransmission: v.optional(duration),
  bandwidth: v.optional(v.pipe(v.number(), v.gtValue(0))),
  fragmentation: v.optional(chance),
  timeout: v.optional(duration),
  disks: v.optional(v.union([v.boolean(), disk]))
})

const RULES: Readonly<Record<string, string>> = {
  nodes: 'must be a whole number from 1 to 10,000, or a list of what each node is told',
  controlPlane: 'must be { voters }, a list of indexes of nodes',
  seed: 'must be a number',
  ready: 'must be true or false',
  latency: 'must be [min, max] in ms, such as [1, 20]',
  loss: 'must be a share from 0 to below 1',
  retransmission: 'must be a number of ms',
  bandwidth: 'must be a number of bytes per second, above 0',
  fragmentation: 'must be a share from 0 to 1',
  timeout: 'must be a number of ms',
  disks:
    'must be true, false, or what they are like: syncLatency, readLatency, syncFailure, writeFailure, capacity, readOnly'
}

/** Throws `ERR_CONFIG` naming the key. */
export function checkMeshOptions(given: unknown): void {
  const result = v.safeParse(options, given, { abortEarly: true })
  if (result.success) return
  const key = String(result.issues[0].path?.[0]?.key ?? 'options')
  const rule = RULES[key] ?? (key === 'options' ? 'must be an object' : 'is not an option of createMesh')
  throw new MeshError('ERR_CONFIG', `${key} ${rule}`, { details: { key } })
}

/** Throws `ERR_CONFIG`. */
export function checkDuration(ms: unknown): void {
  if (v.is(duration, ms)) return
  throw new MeshError('ERR_CONFIG', `time advances by a number of ms, not by ${String(ms)}`, { details: { key: 'ms' } })
}
