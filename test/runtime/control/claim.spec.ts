import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { claim } from '../../../src/runtime/control/claim.ts'
import { temporaryFolder } from '../../kit/folder.ts'

/** A socket that the operating system does not let it make: whoever may do everything cannot be refused otherwise. */
function refused(code: string): Server {
  const server = new EventEmitter()
  const listen = (): void => void setImmediate(() => server.emit('error', Object.assign(new Error(code), { code })))
  return Object.assign(server, { listen }) as unknown as Server
}

describe('the claim on a data folder', () => {
  const remedies = {
    EROFS: /mount it writable/,
    EACCES: /give it the right/,
    ENOSPC: /make room/,
    EIO: /let this user/
  }
  for (const [reason, remedy] of Object.entries(remedies)) {
    it(`says which key, which folder and what to do, where that cannot be written (${reason})`, async () => {
      await using folder = await temporaryFolder()
      const details = { key: 'dataDir', path: folder.path, reason }
      await assert.rejects(claim(refused(reason), join(folder.path, 'claim.sock')), (error: Error) => {
        assert.deepEqual({ ...error }, { ...error, code: 'ERR_CONFIG', details })
        assert.match(error.message, remedy)
        assert(error.message.startsWith(`dataDir: the folder ${folder.path} cannot be written (${reason}); `))
        assert.match(error.message, /choose another dataDir$/)
        return true
      })
    })
  }
})
