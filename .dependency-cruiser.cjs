// The floors of ARCHITECTURE.md as rules: every import points down.
const NODE_BUILTIN =
  '^(node:|(fs|net|tls|dgram|crypto|os|path|http|http2|stream|timers|events|child_process|worker_threads|url|util|zlib|readline|buffer|process|perf_hooks)(/|$))'

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'protocols-stand-alone',
      comment: 'Floor 0 is what a port to another language needs: nothing under src.',
      severity: 'error',
      from: { path: '^protocols' },
      to: { path: '^(src|test|scripts)' }
    },
    {
      name: 'core-is-pure',
      comment: 'Floor 1 decides; it touches no libp2p, no Node built-in, no runtime.',
      severity: 'error',
      from: { path: '^src/core' },
      to: {
        path: `(^src/(runtime|node|agent|cli|testing|dashboard|index))|node_modules/(@libp2p|libp2p|@chainsafe)|${NODE_BUILTIN}`
      }
    },
    {
      name: 'core-reads-types-only-from-protocols',
      comment: 'Floor 1 may import protocol messages, constants and errors, nothing that reads or writes bytes.',
      severity: 'error',
      from: { path: '^src/core', pathNot: '^src/core/replicated' },
      to: { path: '^protocols/', pathNot: '^protocols/(errors|[^/]+/(messages?|constants))\\.ts$' }
    },
    {
      name: 'replicated-state-is-bytes-too',
      comment: 'Replicas agree on bytes: what they hold may read and write MessagePack and message ids.',
      severity: 'error',
      from: { path: '^src/core/replicated' },
      to: {
        path: '^protocols/',
        pathNot: '^protocols/(errors|[^/]+/(messages?|constants)|envelope/(messagepack|id))\\.ts$'
      }
    },
    {
      name: 'runtime-looks-down',
      severity: 'error',
      from: { path: '^src/runtime' },
      to: { path: '^src/(node|agent|cli|testing|dashboard|index)' }
    },
    {
      name: 'upper-floor-without-sockets-disk-crypto',
      comment:
        'Floor 3 asks floor 2 for deeds; the command itself reads what it is given, and looks at what doctor checks.',
      severity: 'error',
      from: {
        path: '^src/(node|agent|cli|testing|dashboard)',
        pathNot: '^src/cli/(checks/|settings/|identity|payload)'
      },
      to: { path: '^(node:)?(net|tls|dgram|fs|fs/promises|crypto|http|http2)$|node_modules/(@chainsafe|libp2p/)' }
    },
    {
      name: 'scripts-and-tests-are-leaves',
      severity: 'error',
      from: { path: '^(src|protocols)' },
      to: { path: '^(scripts|test)' }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.json']
    }
  }
}
