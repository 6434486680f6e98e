import { Argument, type Command } from 'commander'
import type { Register } from '../cli.ts'

type Shell = 'bash' | 'zsh' | 'fish'

export const completion: Register = (program, cli) => {
  program
    .command('completion')
    .description('a script that completes commands and options')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nExamples:\n  $ source <(phoenix completion bash)\n  $ phoenix completion fish > ~/.config/fish/completions/phoenix.fish'
    )
    .action((shell: Shell) => void cli.stdout.write(SCRIPTS[shell](wordsOf(program))))
}

interface Words {
  name: string
  description: string
  words: string[]
}

/** What may follow each command: its options and its own commands. */
function wordsOf(program: Command): Words[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    words: [
      ...command.commands.map((inner) => inner.name()),
      ...[command, ...command.commands].flatMap(({ options }) => options.map(({ long }) => long ?? '')),
      '--help'
    ].filter((word, at, all) => word !== '' && all.indexOf(word) === at)
  }))
}

const names = (list: Words[]) => list.map(({ name }) => name).join(' ')
const cases = (list: Words[]) =>
  list.map(({ name, words }) => `      ${name}) choices="${words.join(' ')}" ;;`).join('\n')

const SCRIPTS: Record<Shell, (list: Words[]) => string> = {
  bash: (list) => `# phoenix completion bash
_phoenix() {
  local current="\${COMP_WORDS[COMP_CWORD]}" choices="${names(list)} --help --version"
  if [ "$COMP_CWORD" -gt 1 ]; then
    choices="--help"
    case "\${COMP_WORDS[1]}" in
${cases(list)}
    esac
  fi
  COMPREPLY=($(compgen -W "$choices" -- "$current"))
  if [ "\${#COMPREPLY[@]}" -eq 0 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _phoenix phoenix
`,
  zsh: (list) => `#compdef phoenix
# phoenix completion zsh
_phoenix() {
  local choices="${names(list)} --help --version"
  if (( CURRENT > 2 )); then
    choices="--help"
    case "\${words[2]}" in
${cases(list)}
    esac
  fi
  compadd -- \${=choices}
  _files
}
compdef _phoenix phoenix
`,
  fish: (list) =>
    `# phoenix completion fish
${list.map(fishCommand).join('\n')}
`
}

function fishCommand({ name, description, words }: Words): string {
  const about = description.replaceAll("'", "\\'")
  const top = `complete -c phoenix -f -n __fish_use_subcommand -a ${name} -d '${about}'`
  const after = `complete -c phoenix -n '__fish_seen_subcommand_from ${name}' -a '${words.join(' ')}'`
  return `${top}\n${after}`
}
