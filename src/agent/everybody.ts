import { isErrorCode, MeshError } from '../../protocols/errors.ts'
import type { AgentNode } from './agent-port.ts'
import { partsOf } from './options.ts'
import type { Receipt, Target, WaitOptions } from './types.ts'

interface Place {
  readonly peer: string
  readonly instance?: string | undefined
}

/** Sends to each member of a name that is known now. Rejects as `receiptsOf`, and with `ERR_NO_RESPONDERS`. */
export async function toEverybody(
  node: Pick<AgentNode, 'members' | 'resolve'>,
  target: Target,
  wait: WaitOptions,
  send: (member: Target) => Promise<Receipt>
): Promise<Receipt[]> {
  const { name, peer, instance } = partsOf(target)
  // Nothing is awaited where somebody is known: what the caller changes later is not sent.
  if (node.members(name).length === 0) await node.resolve(name, wait)
  const members = node
    .members(name)
    .filter((one) => (peer ?? one.peer) === one.peer && (instance ?? one.instance) === one.instance)
  if (members.length === 0) {
    throw new MeshError('ERR_NO_RESPONDERS', `no agent named ${name} is known as asked for`, {
      details: { agent: name }
    })
  }
  // `async`, so that what one member's send throws keeps none of the others from being sent.
  const ends = members.map(async ({ peer, instance }) => send({ name, peer, instance }))
  return receiptsOf(members, await Promise.allSettled(ends))
}

/**
 * The receipts of a message to all of a name, once each member's end is known. Where some took it and some did not, throws with
 * the code of the first that did not, and `details.receipts` (of those that did) and `details.refused` (`peer`, `instance`,
 * `code`, `message`): to send it again to all would have it handled twice. Where nobody did, throws what the first met.
 */
function receiptsOf(members: readonly Place[], ends: readonly PromiseSettledResult<Receipt>[]): Receipt[] {
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
