import { MeshError } from '../../../protocols/errors.ts'
import type { Finding } from '../checks/types.ts'
import type { Register } from '../cli.ts'
import { Output } from '../output.ts'
import type { NodeFlags } from '../settings/flags.ts'
import { withNodeFlags } from './start.ts'

export const doctor: Register = (program, cli) => {
  withNodeFlags(program.command('doctor').description('what would keep a node from running here, and what to do'))
    .addHelpText(
      'after',
      '\nTakes the flags, variables and files that start takes. Exit code 1 where something fails.\n\nExample:\n  $ phoenix doctor --listen /ip4/0.0.0.0/tcp/4001 --bootstrap ./peers.txt'
    )
    .action(async (flags: NodeFlags & { json?: boolean }) => {
      const output = new Output(cli, flags)
      const { readSettings } = await import('../settings/settings.ts')
      const { checks } = await import('../checks/checks.ts')
      const { config } = await readSettings(flags, cli.env)
      const findings: Finding[] = []
      for (const check of checks) findings.push(...(await check(config, cli.signal)))
      output.value(findings, findings.map(line).join('\n'))
      const failures = findings.filter(({ status }) => status === 'failure')
      if (failures.length > 0) {
        const failed = failures.map(({ check }) => check)
        throw new MeshError(
          'ERR_CONFIG',
          `${failures.length} of ${findings.length} checks failed: ${failed.join(', ')}`,
          {
            details: { checks: failed }
          }
        )
      }
    })
}

function line({ check, status, found, remedy }: Finding): string {
  const advice = remedy === '' ? '' : `\n          → ${remedy}`
  return `${status.padEnd(8)}  ${check}: ${found}${advice}`
}
