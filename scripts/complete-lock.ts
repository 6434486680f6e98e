import { readFile, writeFile } from 'node:fs/promises'

// npm leaves out of the lock file what the registry did not have at the moment: a mirror often lacks the builds for
// other platforms. `npm ci` then calls the lock file out of step with package.json. Run this after `npm install NAME`.

interface Locked {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const PLATFORMS = {
  os: ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'],
  cpu: ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'],
  libc: ['musl']
}

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(await readFile(file, 'utf8')) as { packages: Record<string, Locked> }
const { '': project, ...packages } = lock.packages

for (const [path, dependent] of Object.entries(packages)) {
  for (const [name, range] of Object.entries(dependent.optionalDependencies ?? {})) {
    if (packages[`${path}/node_modules/${name}`] ?? packages[`node_modules/${name}`]) continue
    packages[`node_modules/${name}`] = entry(name, range.replace(/^[~^]/, ''), dependent.dev === true)
    console.log(`added ${name}`)
  }
}

const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
lock.packages = { ...(project && { '': project }), ...Object.fromEntries(sorted) }
await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`)

/** What such a package is for stands in its name. */
function entry(name: string, version: string, dev: boolean): Locked {
  const words = name.split(/[/-]/)
  const { os, cpu, libc } = PLATFORMS
  const named = { os: os.filter(isNamed), cpu: cpu.filter(isNamed), libc: libc.filter(isNamed) }
  function isNamed(platform: string): boolean {
    return words.some((word) => word === platform || (platform === 'musl' && word.startsWith('musl')))
  }
  return {
    version,
    ...(named.cpu.length > 0 && { cpu: named.cpu }),
    ...(dev && { dev }),
    ...(named.libc.length > 0 && { libc: named.libc }),
    optional: true,
    ...(named.os.length > 0 && { os: named.os })
  }
}
