import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from './folder.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/**
 * A folder in which `phoenix-mesh` is this repository as it stands, not its build: what stands in a program there runs
 * on the sources, and `npm run phoenix` is the command.
 */
export async function sourceProject(): Promise<AsyncDisposable & { path: string }> {
  const folder = await temporaryFolder()
  const mesh = join(folder.path, 'node_modules', 'phoenix-mesh')
  await mkdir(mesh, { recursive: true })
  // Exports must lie inside the package; what the link leads to does not, so that Node.js strips its types.
  await symlink(ROOT, join(mesh, 'repository'), 'dir')
  const exports = { '.': './repository/src/index.ts', './testing': './repository/src/testing/index.ts' }
  await writeFile(join(mesh, 'package.json'), JSON.stringify({ name: 'phoenix-mesh', type: 'module', exports }))
  const command = `node ${JSON.stringify(join(ROOT, 'src', 'cli', 'main.ts'))}`
  const own = { private: true, type: 'module', scripts: { phoenix: command } }
  await writeFile(join(folder.path, 'package.json'), JSON.stringify(own))
  return folder
}
