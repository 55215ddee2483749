import { randomHex } from '#foundation/shared/ids.ts'
import { signReport } from '#resources/payments/bank-accounts/read-report.ts'
import { type Client, type Reply, send, type TestServer } from './api.ts'

/** A bank account of a business, with the secret that signs its reports. */
export interface TestBankAccount {
  id: string
  account_number: string
  secret: string
}

export async function aBankAccount(client: Client, more: Record<string, unknown> = {}): Promise<TestBankAccount> {
  const body = { account_number: `1${randomHex(8)}`, name: 'Kopi stall', proxy_type: 'uen', proxy_value: '201101550Z', ...more }
  return (await client.post('/v1/bank-accounts', body)).json
}

/** Sends a bank's report: S$ 10.00 with a reference of its own, unless a test changes it. */
export function reportCredit(
  { server }: { server: TestServer },
  { account_number, secret }: Pick<TestBankAccount, 'account_number' | 'secret'>,
  more: Record<string, unknown> = {},
  { at = new Date(), signature, adapter = 'generic' }: { at?: Date; signature?: string; adapter?: string } = {},
): Promise<Reply> {
  const body = JSON.stringify({ account_number, bank_reference: `BR${randomHex(6)}`, amount: '10.00', currency: 'SGD', ...more })
  const headers = { 'hawker-signature': signature ?? signReport(body, secret, at) }
  return send(server, 'POST', `/v1/bank-notifications/${adapter}`, { headers, raw: { type: 'application/json', body } })
}
