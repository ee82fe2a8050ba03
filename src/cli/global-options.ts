import { choice, flag, type OptionSpec, type OptionTable, text } from './option.js'

/** Options of every command, before or after its name. */
export interface GlobalOptions {
  readonly app: string | undefined
  readonly broker: string | undefined
  readonly brokerFile: string | undefined
  readonly resultBackend: string | undefined
  readonly resultBackendFile: string | undefined
  readonly config: string | undefined
  readonly workdir: string | undefined
  readonly loglevel: LogLevelName | undefined
  readonly quiet: boolean
  readonly json: boolean
  readonly noColor: boolean
  readonly debug: boolean
}

const LOG_LEVELS = ['debug', 'info', 'warning', 'warn', 'error', 'critical', 'fatal'] as const

export type LogLevelName = (typeof LOG_LEVELS)[number]

export const GLOBAL_OPTIONS: OptionTable & { readonly [K in keyof GlobalOptions]: OptionSpec<GlobalOptions[K]> } = {
  app: text(
    '-A, --app <module>',
    'File or folder that exports the App; `file:name` picks one export. Without it: `app` of lovage.config, then app or tasks in this folder.',
    { env: ['LOVAGE_APP'] },
  ),
  broker: text(
    '-b, --broker <url>',
    'Broker URL, above every other setting. Better in the environment when it holds a password.',
    {
      settingEnv: ['LOVAGE_BROKER_URL', 'CELERY_BROKER_URL'],
    },
  ),
  brokerFile: text('--broker-file <file>', 'File whose first line is the broker URL.'),
  resultBackend: text('--result-backend <url>', 'Result backend URL, above every other setting.', {
    settingEnv: ['LOVAGE_RESULT_BACKEND', 'CELERY_RESULT_BACKEND'],
  }),
  resultBackendFile: text('--result-backend-file <file>', 'File whose first line is the result backend URL.'),
  config: text('--config <file>', 'Configuration file. Default: lovage.config.{ts,mts,js,mjs} in the working folder.', {
    env: ['LOVAGE_CONFIG'],
  }),
  workdir: text('--workdir <folder>', 'Change to this folder first.', { env: ['LOVAGE_WORKDIR'] }),
  loglevel: choice(
    '-l, --loglevel <level>',
    LOG_LEVELS,
    'Lowest level that is logged: debug, info, warning, error, critical.',
    {
      settingEnv: ['LOVAGE_LOG_LEVEL'],
    },
  ),
  quiet: flag('-q, --quiet', 'Print results and errors only.'),
  json: flag('--json', 'Print JSON on standard output, and errors as JSON on standard error.', { alias: '-j' }),
  noColor: flag('--no-color', 'No colours. They are also off when the output is no terminal.', { env: ['NO_COLOR'] }),
  debug: flag('--debug', 'Print the stack of an error too.', { env: ['LOVAGE_DEBUG'] }),
}
