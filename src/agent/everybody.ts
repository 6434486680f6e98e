import { isErrorCode, MeshError } from '../../protocols/errors.ts'
import type { Receipt } from './types.ts'

interface Place {
  readonly peer: string
  readonly instance: string | undefined
}

/**
 * The receipts of a message to all of a name, once each member's end is known. Where some took it and some did not, throws with
 * the code of the first that did not, and `details.receipts` (of those that did) and `details.refused` (`peer`, `instance`,
 * `code`, `message`): to send it again to all would have it handled twice. Where nobody did, throws what the first met.
 */
export function receiptsOf(members: readonly Place[], ends: readonly PromiseSettledResult<Receipt>[]): Receipt[] {
  const receipts: Receipt[] = []
  const refused: (Place & { code: string; message: string })[] = []
  let first: { error: unknown; code: string; message: string } | undefined
  for (const [i, end] of ends.entries()) {
    if (end.status === 'fulfilled') receipts.push(end.value)
    else {
      const { peer, instance } = members[i]!
      const { code, message } = end.reason as MeshError
      first ??= { error: end.reason, code, message }
      refused.push({ peer, instance, code, message })
    }
  }
  if (first === undefined) return receipts
  if (receipts.length === 0) throw first.error
  throw new MeshError(
    isErrorCode(first.code) ? first.code : 'ERR_HANDLER',
    `${refused.length} of ${ends.length} members did not take it, the first: ${first.message}`,
    { cause: first.error, details: { receipts, refused } }
  )
}
