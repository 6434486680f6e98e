import { lstat, unlink } from 'node:fs/promises'
import { createConnection, type Server } from 'node:net'
import { dirname, resolve } from 'node:path'
import { MeshError } from '../../../protocols/errors.ts'
import { makeFolder } from '../system/folder.ts'

/** Times that a stale socket is taken away before somebody else is taken to win each time. */
const ATTEMPTS = 3

/**
 * Makes the server listen on a Unix socket that only this user may open, which also claims the data folder. The socket
 * of a process that is gone refuses connections, and is replaced. Throws `ERR_CONFIG` where a live one answers, or where
 * the folder cannot be made.
 */
export async function claim(server: Server, path: string): Promise<void> {
  await makeFolder(dirname(path)).catch(({ code }: NodeJS.ErrnoException) => {
    throw unwritable('made', path, code)
  })
  for (let attempt = 1; ; attempt++) {
    const code = await listen(server, path)
    if (code === undefined) return
    if (code !== 'EADDRINUSE') throw unwritable('written', path, code)
    if (attempt > ATTEMPTS || (await answers(path)))
      throw refusal('is taken: another node is running on this data folder', path)
    await removeStale(path)
  }
}

/** Resolves with the code of the error, if there was one. */
function listen(server: Server, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const settle = (error?: NodeJS.ErrnoException) => {
      server.off('listening', settle).off('error', settle)
      resolve(error === undefined ? undefined : (error.code ?? error.message))
    }
    server.once('listening', settle).once('error', settle)
    // The socket is bound within this call: it never exists with wider rights, not even for a moment.
    const mask = process.umask(0o177)
    try {
      server.listen(path)
    } finally {
      process.umask(mask)
    }
  })
}

/** Takes away the socket of a process that is gone, never anything else. */
async function removeStale(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined)
  if (there !== undefined && !there.isSocket())
    throw refusal('is taken by a file that is no socket: move it away', path)
  await unlink(path).catch(({ code }: NodeJS.ErrnoException) => {
    if (code !== 'ENOENT') throw unwritable('written', path, code)
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // A queue of connections that is full belongs to somebody alive; so does a socket of another user.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'))
  })
}

const REMEDIES: Readonly<Record<string, string>> = {
  EROFS: 'its file system is mounted read-only: mount it writable',
  EACCES: 'this user may not write there: give it the right to',
  EPERM: 'this user may not write there: give it the right to',
  ENOSPC: 'its disk is full: make room',
  EEXIST: 'a file is in its way: move that away',
  ENOTDIR: 'a file is in its way: move that away'
}

function unwritable(what: 'made' | 'written', path: string, code = 'no reason given'): MeshError {
  const folder = resolve(dirname(path))
  const remedy = REMEDIES[code] ?? 'let this user write there'
  const message = `dataDir: the folder ${folder} cannot be ${what} (${code}); ${remedy}, or choose another dataDir`
  return new MeshError('ERR_CONFIG', message, { details: { key: 'dataDir', path: folder, reason: code } })
}

function refusal(what: string, path: string): MeshError {
  return new MeshError('ERR_CONFIG', `the socket ${path} ${what}`, { details: { key: 'dataDir', path } })
}
