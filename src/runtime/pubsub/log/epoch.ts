import type { Disk } from '../../ports.ts'
import { storageError } from '../../storage/failure.ts'

const NAME = 'epoch'
const NEW = 'epoch.new'
const BYTES = 8

/** The epoch of the log in this folder; a new log is given `fresh`, on disk before anything has a number of it. `ERR_STORAGE`. */
export async function readEpoch(disk: Disk, fresh: number): Promise<number> {
  try {
    if ((await disk.list()).includes(NAME)) {
      const file = await disk.open(NAME)
      const bytes = await file.read(0, BYTES)
      await file.close()
      const epoch = bytes.length === BYTES ? view(bytes).getFloat64(0) : Number.NaN
      if (Number.isSafeInteger(epoch) && epoch > 0) return epoch
    }
    const bytes = new Uint8Array(BYTES)
    view(bytes).setFloat64(0, fresh)
    const file = await disk.open(NEW)
    await file.write(bytes, 0)
    await file.sync()
    await file.close()
    await disk.rename(NEW, NAME)
    await disk.sync()
    return fresh
  } catch (cause) {
    throw storageError('the log of publications cannot be opened', cause)
  }
}

function view({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length)
}
