import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { parseText } from '../../protocols/envelope/json.ts'
import { MeshError } from '../../protocols/errors.ts'

/** Bytes: the largest message that a node takes by default. */
const MAX_PAYLOAD = 16 * 2 ** 20

/** The data of a message: an argument, `@file`, or `-` for what is piped in. JSON where it parses, else text. */
export async function payload(argument: string | undefined, stdin: Readable): Promise<unknown> {
  if (argument === undefined) return null
  if (argument === '-') return parse(await drain(stdin))
  if (argument.startsWith('@')) return parse(await fileText(argument.slice(1)))
  return parse(argument)
}

function parse(text: string): unknown {
  try {
    return parseText(text)
  } catch {
    return text
  }
}

async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const message = `the file ${path} cannot be read: ${(cause as NodeJS.ErrnoException).code}`
    throw new MeshError('ERR_USAGE', message, { cause, details: { path } })
  }
}

async function drain(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    length += chunk.length
    if (length > MAX_PAYLOAD)
      throw new MeshError('ERR_MESSAGE_TOO_LARGE', `more than ${MAX_PAYLOAD} bytes were piped in`)
    chunks.push(Buffer.from(chunk))
  }
  return Buffer.concat(chunks).toString('utf8')
}
