import * as v from 'valibot'
import { MeshError } from '../../protocols/errors.ts'

/** What a command sent, as the operation wants it. Throws `ERR_CONFIG` naming the key. */
export function check<Schema extends v.GenericSchema>(schema: Schema, params: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, params)
  if (result.success) return result.output
  const [{ message }] = result.issues
  const key = v.getDotPath(result.issues[0]) ?? ''
  throw new MeshError('ERR_CONFIG', `the parameter ${key} is wrong: ${message}`, { details: { key } })
}
