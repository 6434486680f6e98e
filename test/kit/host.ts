/** The process behind `HostProcess`: a node, and the deeds of a script on it. */
import type { NodeOptions } from '../../src/index.ts'
import { createNodeOn } from '../../src/node/create.ts'
import type { FromHost, Script, ToHost } from './script.ts'
import { WithholdingDisk } from './withholding-disk.ts'

const [script = '', options = '{}', faults] = process.argv.slice(2)
const deeds = (await import(script)) as Script
const given = JSON.parse(options) as NodeOptions
const node = await createNodeOn(given, (disk) =>
  faults === undefined ? disk : new WithholdingDisk(disk, JSON.parse(faults))
)
const tell = (message: FromHost): void => void process.send?.(message)

process.on('message', async ({ call, name, args }: ToHost) => {
  try {
    tell({ kind: 'returned', call, value: await deeds[name]!(node, ...args) })
  } catch (error) {
    const { code, message } = error as Error & { code: unknown }
    tell({ kind: 'threw', call, error: { code, message } })
  }
})
// Its parent is gone: nobody would ever stop it.
process.on('disconnect', () => process.exit())

if (given.bootstrap !== undefined && given.bootstrap.length > 0) await node.ready({ timeout: 15_000 })
tell({ kind: 'up', peerId: String(node.peerId), addresses: node.multiaddrs.map(String) })
