import { StartError } from '#foundation/database/data-directory.ts'
import { type Config, ConfigError } from './config.ts'

/** The URL under which a browser on this machine reaches a host and port. */
export function urlOf(listened: string, port: number): string {
  const host = ['0.0.0.0', '::', '127.0.0.1'].includes(listened) ? 'localhost' : listened
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Explains what was wrong with the address, instead of the system's message. */
export function listenError(error: unknown, { host, port }: Pick<Config, 'host' | 'port'>): unknown {
  switch ((error as { code?: string }).code) {
    case 'EADDRINUSE':
      return new StartError(`Port ${port} is in use on ${host}. Set PORT to another one, for example PORT=${port < 65_535 ? port + 1 : 8080} npm start.`)
    case 'EACCES':
      return new StartError(`This user may not open port ${port}; set PORT to 1024 or more.`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new ConfigError(`HOST must be an address of this machine, or 0.0.0.0 for all of them, not "${host}".`)
    default:
      return error
  }
}
