/** Writes numbers until it is killed, and says which are acknowledged. What it has not synced dies with it. */
import { FileDisk } from '../../../src/runtime/storage/file-disk.ts'
import { openStore } from '../../../src/runtime/storage/store.ts'
import { WithholdingDisk } from '../../kit/withholding-disk.ts'

// Its parent is gone: nobody would ever stop it.
process.on('disconnect', () => process.exit())

const store = await openStore(new WithholdingDisk(new FileDisk(process.argv[2]!)), { segmentBytes: 4_096 })
for (let i = 1; ; i++) {
  store.write([{ key: String(i).padStart(6, '0'), value: Buffer.alloc(100) }]).then(() => process.send?.(i))
  if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
}
