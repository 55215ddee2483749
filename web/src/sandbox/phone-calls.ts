import { ask, json } from '../shared/request.ts'
import type { Decision } from './ApproveCode.tsx'
import type { PhonePayment, ScannedCode } from './data.ts'

export const readScanned = async (payload: string): Promise<ScannedCode> => (await ask('/sandbox/phone/read', json({ payload }))) as ScannedCode

export async function payScanned(payload: string, { outcome, amount, late, delay }: Decision): Promise<PhonePayment> {
  const body = { payload, outcome, late, ...(amount === null ? {} : { amount }), ...(delay === null ? {} : { delay }) }
  return (await ask('/sandbox/phone/pay', json(body))) as PhonePayment
}

export const readPayment = async ({ url }: PhonePayment): Promise<PhonePayment> => (await ask(url)) as PhonePayment
