/**
 * Durable messages between two processes that are killed with `kill -9` again and again: none lost, none applied twice.
 *
 *   npm run torture                                      100,000 messages, each guarantee on each disk
 *   npm run torture -- --messages 5000 --kills 10        less of it
 *   npm run torture -- --guarantee exactly-once --disk unsynced
 *
 * Disks: `file` is the operating system's, whose page cache outlives a killed process; `unsynced` drops with the process
 * whatever it had not synced; `failing` fails one sync of fifty besides. The exit code is 1 where a promise was broken.
 * The short form is test/integration/torture.spec.ts.
 */
import { parseArgs } from 'node:util'
import type { Guarantee } from './deeds.ts'
import { Torture } from './torture.ts'

const GUARANTEES: readonly Guarantee[] = ['at-least-once', 'exactly-once']
const DISKS = { file: undefined, unsynced: {}, failing: { syncFailure: 0.02 } }

const { values: options } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '40' },
    guarantee: { type: 'string' },
    disk: { type: 'string' }
  }
})

for (const guarantee of GUARANTEES.filter((name) => [undefined, name].includes(options.guarantee as Guarantee))) {
  for (const [disk, faults] of Object.entries(DISKS).filter(([name]) => [undefined, name].includes(options.disk))) {
    const began = performance.now()
    const settings = { guarantee, messages: Number(options.messages), kills: Number(options.kills), faults }
    await using torture = await Torture.begin({ ...settings, told: progress })
    const { acknowledged, unknown, lost, twice, kills } = await torture.run()
    const broken = lost.length > 0 || (guarantee === 'exactly-once' && twice.length > 0)
    if (broken) process.exitCode = 1
    progress('')
    console.log(
      `${guarantee}, disk ${disk}: ${acknowledged} acknowledged, ${unknown} more of which nobody heard, ` +
        `${kills.sender} + ${kills.receiver} kills, ${((performance.now() - began) / 1_000).toFixed(1)} s: ` +
        `${lost.length} lost, ${twice.length} applied twice${broken ? ': BROKEN' : ''}`
    )
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
