import { randomHex } from '#foundation/shared/ids.ts'
import { aBankAccount, reportCredit } from '#testing/bank.ts'
import type { Samples } from '#testing/samples.ts'

const bankAccount = () => ({ account_number: `0${randomHex(8)}`, name: 'Kopi stall' })

export const samples: Samples = {
  makers: {
    bank_account_id: async (client) => (await client.post('/v1/bank-accounts', bankAccount())).json.id,
    bank_credit_id: async (client) => (await reportCredit(client, await aBankAccount(client))).json.id,
  },
  bodies: {
    createBankAccount: bankAccount,
    allocateBankCredit: async (client) => ({ payment_request_id: (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })).json.id }),
  },
}
