import { parseArgs } from 'node:util'
import { didYouMean } from '#foundation/shared/did-you-mean.ts'
import { type CommandName, commands, isCommand, type Option, options, type Usage } from './usage.ts'
import { UsageError } from './usage-error.ts'

/** The options as given, by name. */
export type Values = { [name in Option]?: (typeof options)[name]['type'] extends 'boolean' ? boolean : string }

/** What a command line asks for. */
export type CommandLine =
  | { kind: 'help'; name: CommandName | undefined }
  | { kind: 'version'; values: Values }
  | { kind: 'command'; name: CommandName; values: Values; rest: string[] }

const commandNames = Object.keys(commands)
const isOption = (name: string): name is Option => Object.hasOwn(options, name)

/** An option's valid values in a sentence. */
function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) throw new UsageError(`--${name} expects ${oneOf(choices)}, not ${JSON.stringify(value)}.${didYouMean(value, choices)}`)
}

function oneOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/** The options of a command line; `takes` are those that its command accepts. */
function valuesOf(name: CommandName | undefined, tokens: NonNullable<ReturnType<typeof tokensOf>>): Values {
  const takes: readonly Option[] = name === undefined ? ['help', 'version', 'json'] : [...commands[name].takes, 'help']
  const values: Record<string, string | boolean> = {}
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name: option, rawName, value, inlineValue } = token
    if (!isOption(option) || !takes.includes(option)) {
      const known = takes.filter((one) => one !== 'help').map((one) => `--${one}`)
      const valid = known.length === 0 ? 'It has no options.' : `Its options are ${known.join(', ')}.`
      throw new UsageError(
        `${name ?? 'hawker'} does not accept ${rawName}.${didYouMean(
          option,
          known.map((one) => one.slice(2)),
          (one) => `--${one}`,
        )} ${valid}`,
      )
    }
    const { type, choices } = options[option] as { type: string; choices?: readonly string[] }
    if (type === 'boolean' && value !== undefined) throw new UsageError(`--${option} has no value.`)
    if (type === 'string' && (value === undefined || (!inlineValue && value.startsWith('--')))) throw new UsageError(`--${option} expects a value.`)
    if (choices && value !== undefined) checkChoice(option, value, choices)
    values[option] = value ?? true
  }
  return values as Values
}

function tokensOf(args: string[]) {
  return parseArgs({ args, allowPositionals: true, strict: false, tokens: true, options }).tokens
}

/** Checks what follows the name of a command. */
function checkRest(name: CommandName, rest: string[]): void {
  const { actions, places }: Usage = commands[name]
  const [action, ...more] = actions ? rest : [undefined, ...rest]
  if (actions && (action === undefined || !actions.includes(action)))
    throw new UsageError(
      `${name} expects ${oneOf(actions)}${action === undefined ? '' : `, not ${JSON.stringify(action)}`}.${didYouMean(action ?? '', actions)}`,
    )
  const most = places ?? 0
  if (more.length > most) throw new UsageError(`${name} does not expect ${JSON.stringify(more[most])}.`)
}

/** Understands a command line. Throws `UsageError`, whose message names what is valid. */
export function readCommandLine(args: string[]): CommandLine {
  const tokens = tokensOf(args)
  const [first, ...rest] = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
  const asked = first === 'help' ? rest[0] : first
  if (asked !== undefined && !isCommand(asked))
    throw new UsageError(`There is no command ${JSON.stringify(asked)}.${didYouMean(asked, commandNames)} The commands are ${commandNames.join(', ')}.`)
  if (first === 'help') return { kind: 'help', name: asked }
  const wantsHelp = tokens.some((token) => token.kind === 'option' && token.name === 'help')
  if (wantsHelp) return { kind: 'help', name: asked }
  const values = valuesOf(asked, tokens)
  if (values.version) return { kind: 'version', values }
  if (asked === undefined) return { kind: 'help', name: undefined }
  checkRest(asked, rest)
  return { kind: 'command', name: asked, values, rest }
}

/** The command that an invalid command line was meant for, whose help is pointed at. */
export function meantCommand(args: string[]): CommandName | undefined {
  return args.find(isCommand)
}
