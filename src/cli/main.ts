#!/usr/bin/env node

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`ERR_UNSUPPORTED: phoenix needs Node.js 24 or newer, and this is ${process.versions.node}\n`)
  process.exit(1)
}
// Not before: an older Node.js cannot even read the rest.
const { run } = await import('./run.ts')

const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second time somebody means it.
    if (interruption.signal.aborted) process.exit(1)
    interruption.abort()
  })
}
// The reader of a pipe may leave first: `phoenix subscribe … | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

// A node's timers keep no process alive, but a command that waits must.
const awake = setInterval(() => {}, 2 ** 30)
const { env, stdin, stdout, stderr } = process
const code = await run(process.argv.slice(2), { env, stdin, stdout, stderr, signal: interruption.signal })
clearInterval(awake)
// What was printed leaves first; whatever a module of agents still holds open does not keep the command.
stdout.write('', () => stderr.write('', () => process.exit(code)))
