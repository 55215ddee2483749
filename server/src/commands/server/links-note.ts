import { urlOf } from '#address.ts'
import type { Config } from '#config.ts'

/** What links lack that no request causes (those in emails, and in events of jobs): undefined if their URL is configured. */
export function linksNote({ publicUrl, host, port }: Pick<Config, 'publicUrl' | 'host' | 'port'>): string | undefined {
  if (publicUrl !== undefined) return undefined
  return `HAWKER_PUBLIC_URL is not set: links in emails and in events of jobs begin with ${urlOf(host, port)}, which only this machine can open`
}
