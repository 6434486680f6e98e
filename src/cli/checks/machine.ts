import { type Check, failure, ok, warning } from './types.ts'

const NODE_MAJOR = 24
/** Connections to a full mesh of 50, agents' files, and room to spare. A guess. */
const FILES = 1_024
/** This check was written after it: a clock before it is wrong. */
const EARLIEST = Date.UTC(2025, 0, 1)

export const nodeVersion: Check = () => {
  const { node } = process.versions
  const major = Number(node.split('.')[0])
  if (major >= NODE_MAJOR) return [ok('Node.js', node)]
  return [failure('Node.js', node, `install Node.js ${NODE_MAJOR} or newer`)]
}

export const clock: Check = () => {
  const now = Date.now()
  const found = new Date(now).toISOString()
  if (now >= EARLIEST) return [ok('clock', found)]
  return [failure('clock', found, 'set the clock (NTP): deadlines and records that expire depend on it')]
}

export const openFiles: Check = () => {
  const limit = softLimit()
  if (limit === undefined) return [ok('open files', 'the limit is not known on this system')]
  if (limit === 'unlimited' || Number(limit) >= FILES) return [ok('open files', `at most ${limit}`)]
  return [warning('open files', `at most ${limit}`, `raise it: ulimit -n ${FILES} (each connection takes one)`)]
}

interface Report {
  userLimits?: { open_files?: { soft?: number | string } }
}

function softLimit(): number | string | undefined {
  // Without this the report looks every connection's name up.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean }
  report.excludeNetwork = true
  return (report.getReport() as Report).userLimits?.open_files?.soft
}
