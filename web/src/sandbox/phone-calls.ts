import type { Decision } from './ApproveCode.tsx'
import type { PhonePayment, ScannedCode } from './data.ts'

/** What the server refuses, in its own words. */
export class Refused extends Error {}

async function ask<Answer>(url: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url, body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const json = (await response.json()) as Answer & { message?: string }
  if (!response.ok) throw new Refused(json.message ?? `Hawker answers ${response.status}.`)
  return json
}

export const readScanned = (payload: string): Promise<ScannedCode> => ask('/sandbox/phone/read', { payload })

export function payScanned(payload: string, { outcome, amount, late, delay }: Decision): Promise<PhonePayment> {
  return ask('/sandbox/phone/pay', { payload, outcome, late, ...(amount === null ? {} : { amount }), ...(delay === null ? {} : { delay }) })
}

export const readPayment = ({ url }: PhonePayment): Promise<PhonePayment> => ask(url)
