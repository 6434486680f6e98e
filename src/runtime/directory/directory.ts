import { HOST_PREFIX, PROVIDER_LIFETIME } from '../../../protocols/directory/constants.ts'
import { newestHostRecord, readHostRecord } from '../../../protocols/directory/host-record.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { WaitOptions } from '../ports.ts'
import { Announcer } from './announcer.ts'
import { Finder } from './finder.ts'
import type { Directory, DirectoryInit, DirectoryOptions, Location } from './types.ts'

const defaultDirectoryOptions: DirectoryOptions = {
  announcementsPerSecond: 20,
  concurrency: 4,
  renewAfter: PROVIDER_LIFETIME / 2,
  retryAfter: 5_000,
  cacheEntries: 4_096,
  believeFound: 30_000,
  believeNobody: 2_000
}

/**
 * The directory of agents over the hash table. Creating it registers the validators, so that the node refuses forged,
 * expired and oversized records from the first moment it serves the table.
 *
 * @example
 * const directory = createDirectory({ host, routing, clock, ownRecord: () => membership.signedRecord(host.peer) })
 * directory.start()
 * directory.provide('worker')
 * for await (const { peer, addresses } of directory.find('planner', { signal })) { host.learn(peer, addresses) }
 */
export function createDirectory(init: DirectoryInit): Directory {
  const { host, routing, clock } = init
  const options: DirectoryOptions = { ...defaultDirectoryOptions, ...init.options }
  const announcer = new Announcer(init, options)
  const finder = new Finder(init, options)
  routing.validate(HOST_PREFIX, async (key, blob) => {
    try {
      await readHostRecord(key, blob, clock.now(), (...signed) => host.verify(...signed))
      return true
    } catch {
      return false
    }
  })
  routing.select(HOST_PREFIX, (_key, blobs) => newestHostRecord(blobs))
  return {
    start: () => announcer.start(),
    stop: () => announcer.stop(),
    provide: (name) => announcer.provide(name),
    provided: (name, wait) => provided(announcer, name, wait),
    withdraw: (name) => announcer.withdraw(name),
    find: (name, wait = {}): AsyncIterable<Location> => finder.find(name, wait),
    forget: (name, peer) => finder.forget(name, peer)
  }
}

function provided(announcer: Announcer, name: string, { signal }: WaitOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(abortedBy(signal, name))
    const onAbort = () => reject(abortedBy(signal!, name))
    signal?.addEventListener('abort', onAbort, { once: true })
    const known = announcer.whenAnnounced(name, (error) => {
      signal?.removeEventListener('abort', onAbort)
      if (error === undefined) resolve()
      else reject(error)
    })
    if (!known)
      reject(new MeshError('ERR_NO_RESPONDERS', `'${name}' is not provided here`, { details: { agent: name } }))
  })
}

function abortedBy(signal: AbortSignal, name: string): MeshError {
  return new MeshError('ERR_ABORTED', `Waiting for '${name}' to be announced was aborted`, { cause: signal.reason })
}
