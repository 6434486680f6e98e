import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { MeshError } from '../../../protocols/errors.ts'
import { type Layer, leaves } from './layers.ts'

const DEFAULT_FILE = './phoenix.yaml'
const MAX_FILE = 2 ** 20

/**
 * The settings in a file of YAML, or JSON, which is YAML too. The default file may be missing; one that was asked for
 * may not. Throws `ERR_CONFIG` naming the file.
 */
export async function fileLayer(asked: string | undefined): Promise<Layer> {
  const path = asked ?? DEFAULT_FILE
  const text = await read(path, asked === undefined)
  return { settings: text === undefined ? new Map() : settingsOf(path, text), source: () => path }
}

async function read(path: string, optional: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (optional && code === 'ENOENT') return undefined
    throw refusal(path, `cannot be read (${code})`, cause)
  }
}

function settingsOf(path: string, text: string): Map<string, unknown> {
  if (text.length > MAX_FILE) throw refusal(path, `is longer than ${MAX_FILE} bytes`)
  let tree: unknown
  try {
    tree = parse(text)
  } catch (cause) {
    throw refusal(path, `is neither YAML nor JSON: ${(cause as Error).message.split('\n')[0]}`, cause)
  }
  if (tree === null || tree === undefined) return new Map()
  if (typeof tree !== 'object' || Array.isArray(tree)) throw refusal(path, 'must hold keys and values')
  return leaves(tree)
}

function refusal(path: string, what: string, cause?: unknown): MeshError {
  const details = { key: 'config', source: path }
  return new MeshError('ERR_CONFIG', `the configuration file ${path} ${what}`, { cause, details })
}
