import { MeshError } from '../../../protocols/errors.ts'

/** What a call of libp2p threw, said in the mesh's own dialect: callers never see libp2p's names. */
export function unreachable(peer: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  return new MeshError('ERR_PEER_UNREACHABLE', `Peer ${peer} cannot be reached: ${textOf(cause)}`, {
    cause,
    details: { peer }
  })
}

export function streamRefused(peer: string, protocol: string, cause: unknown): MeshError {
  if ((cause as Error | undefined)?.name === 'UnsupportedProtocolError') {
    return new MeshError('ERR_UNSUPPORTED', `Peer ${peer} does not speak ${protocol}`, {
      cause,
      details: { peer, protocol }
    })
  }
  return unreachable(peer, cause)
}

export function aborted(what: string, signal: AbortSignal): MeshError {
  const reason: unknown = signal.reason
  return new MeshError('ERR_ABORTED', `${what} was aborted`, { cause: reason })
}

export function textOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(textOf).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}

/** Settles with `work`, or rejects with `ERR_ABORTED` as soon as the caller's signal fires; `work` goes on for others. */
export async function untilAborted<T>(work: Promise<T>, what: string, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  if (signal.aborted) {
    work.catch(() => {})
    throw aborted(what, signal)
  }
  let onAbort!: () => void
  const given = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted(what, signal))
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, given])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
