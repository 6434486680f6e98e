import { createPublicKey } from 'node:crypto'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { type Command, Option } from 'commander'
import { MeshError } from '../../../protocols/errors.ts'
import { IDENTITY_FILE, type Identity, loadIdentity } from '../../runtime/libp2p/identity.ts'
import type { Register } from '../cli.ts'
import { withJson } from '../options.ts'
import { Output } from '../output.ts'
import { DEFAULT_DATA } from '../session.ts'

interface Flags {
  data?: string
  json?: boolean
  format?: 'pem' | 'protobuf'
}

export const keys: Register = (program, cli) => {
  const group = program.command('keys').description('the identity of the node of a data folder')
  const folder = (flags: Flags) => flags.data ?? cli.env.PHOENIX_DATA ?? DEFAULT_DATA
  withData(group.command('show').description('PeerId, public key and file')).action(async (flags: Flags) => {
    const data = folder(flags)
    show(new Output(cli, flags), data, await existing(data))
  })
  withData(group.command('generate').description('make an identity where there is none; never replaces one'))
    .addHelpText('after', '\nExample:\n  $ phoenix keys generate --data ./data')
    .action(async (flags: Flags) => {
      const data = folder(flags)
      if (await present(data)) {
        const message = `${join(data, IDENTITY_FILE)} is there already: move it away to make another identity`
        throw new MeshError('ERR_IDENTITY', message, { details: { data } })
      }
      show(new Output(cli, flags), data, await loadIdentity(data))
    })
  withData(group.command('export').description('the public key, for those who verify what this node signs'))
    .argument('<what>', 'public')
    .addOption(new Option('--format <format>').choices(['pem', 'protobuf']).default('pem'))
    .addHelpText('after', '\nExample:\n  $ phoenix keys export public > node.pem')
    .action(async (what: string, flags: Flags) => {
      if (what !== 'public')
        throw new MeshError('ERR_USAGE', 'only the public key is exported: phoenix keys export public')
      const key = exported(await existing(folder(flags)), flags.format ?? 'pem')
      new Output(cli, flags).value({ format: flags.format, key }, key.trimEnd())
    })
}

function withData(command: Command): Command {
  return withJson(command).option('--data <folder>', 'the data folder of the node (PHOENIX_DATA, ./data)')
}

function show(output: Output, data: string, identity: Identity): void {
  const { peer } = identity
  const file = join(data, IDENTITY_FILE)
  const publicKey = exported(identity, 'protobuf')
  const value = { peerId: peer, type: identity.privateKey.type, publicKey, file }
  output.value(value, `PeerId      ${peer}\ntype        ${value.type}\npublic key  ${publicKey}\nfile        ${file}`)
}

async function existing(data: string): Promise<Identity> {
  if (await present(data)) return loadIdentity(data)
  const message = `there is no identity in ${data}: make one with phoenix keys generate --data ${data}`
  throw new MeshError('ERR_IDENTITY', message, { details: { data } })
}

function present(data: string): Promise<boolean> {
  return lstat(join(data, IDENTITY_FILE)).then(
    () => true,
    () => false
  )
}

/** PEM as OpenSSL reads it, or libp2p's protobuf in base64. */
function exported({ privateKey }: Identity, format: 'pem' | 'protobuf'): string {
  const { publicKey } = privateKey
  if (format === 'protobuf') return Buffer.from(publicKeyToProtobuf(publicKey)).toString('base64')
  const x = Buffer.from(publicKey.raw).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
