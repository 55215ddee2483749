import { holdBalances, listTransfers } from '#engine/ledger/balances.ts'
import { post, type Transfer } from '#engine/ledger/post.ts'
import type { Db } from '#foundation/database/database.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import { changeRelease, lockRelease } from '#resources/payments/releases/queries.ts'
import type { RefundRow } from './queries.ts'

const least = (a: bigint, b: bigint) => (a < b ? a : b)

/**
 * Debits a refund from the business's wallets, towards the rail that pays it out: first what of this
 * charge is still in `pending`, then `available`, then `deposit`. The fee of the charge stays paid. The charge's row
 * must be locked; call it last in the transaction.
 */
export async function takeRefundMoney(tx: Db, charge: ChargeRow, refund: RefundRow): Promise<void> {
  const { business_id: businessId, currency } = refund
  const waiting = (await lockRelease(tx, businessId, charge.id)) ?? 0n
  const balances = await holdBalances(tx, businessId, ['available', 'deposit', 'pending'], currency)
  const transfers: Transfer[] = []
  let left = refund.amount_minor
  for (const wallet of ['pending', 'available', 'deposit'] as const) {
    const there = balances.get(wallet) ?? 0n
    const amountMinor = least(left, wallet === 'pending' ? least(waiting, there) : there)
    if (amountMinor <= 0n) continue
    left -= amountMinor
    transfers.push({
      businessId,
      source: 'refund',
      sourceId: refund.id,
      purpose: `refund:${wallet}`,
      debit: wallet,
      credit: `clearing:${charge.rail}`,
      currency,
      amountMinor,
      at: refund.created_at,
    })
    if (wallet === 'pending') await changeRelease(tx, businessId, charge.id, -amountMinor)
  }
  if (left > 0n) {
    const covered = `${currency.toUpperCase()} ${formatAmount(refund.amount_minor - left, currency)}`
    throw invalid({ amount: [`The balance covers only ${covered} of this refund.`] }, 'insufficient_balance')
  }
  await post(tx, transfers)
}

/**
 * Returns what a failed refund debited, each part to where it came from. What was pending and has been released in the
 * meantime goes to `available`, where it would be by now.
 */
export async function putRefundMoneyBack(tx: Db, refund: RefundRow, at: Date): Promise<void> {
  const { business_id: businessId, currency } = refund
  const taken = await listTransfers(tx, businessId, 'refund', refund.id)
  const waiting = await lockRelease(tx, businessId, refund.charge_id)
  const transfers: Transfer[] = []
  for (const { purpose, debit, credit, amountMinor } of taken) {
    if (!purpose.startsWith('refund:')) continue
    const stillWaits = debit === 'pending' && waiting !== undefined
    if (stillWaits) await changeRelease(tx, businessId, refund.charge_id, amountMinor)
    transfers.push({
      businessId,
      source: 'refund',
      sourceId: refund.id,
      purpose: `put_back:${debit}`,
      debit: credit,
      credit: debit === 'pending' && !stillWaits ? 'available' : debit,
      currency,
      amountMinor,
      at,
    })
  }
  await post(tx, transfers)
}
