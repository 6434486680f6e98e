import type { Answer, Call } from './calls.ts'

/** Answers the parent's calls, one at a time, and ends with the parent. */
export function answer<Calls extends object>(calls: Calls): void {
  // the parent may be gone: then there is nobody to answer, and 'disconnect' ends this process
  const send = (answered: Answer) => process.send?.(answered, undefined, undefined, () => {})
  process.on('message', async ({ name, args }: Call) => {
    try {
      const call = calls[name as keyof Calls] as (...args: unknown[]) => Promise<unknown>
      send({ value: await call(...args) })
    } catch (error) {
      send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
}
