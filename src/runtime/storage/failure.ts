import { MeshError } from '../../../protocols/errors.ts'

/** `ERR_STORAGE` with the operating system's own code as `details.reason`; an error of the mesh passes as it is. */
export function storageError(what: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  const { code, path } = cause as NodeJS.ErrnoException
  const reason = code ?? String(cause)
  const where = path === undefined ? '' : `: ${path}`
  return new MeshError('ERR_STORAGE', `${what} (${reason}${where})`, { cause, details: { key: 'dataDir', reason } })
}

export function closedError(): MeshError {
  return new MeshError('ERR_STORAGE', 'the store is closed', { details: { reason: 'closed' } })
}
