import { type ReactNode, useState } from 'react'
import { ownValue } from '../shared/own-value.ts'
import { readTypedAmount } from '../shared/typed-amount.ts'
import type { ScannedCode } from './data.ts'
import { type Heading, ScreenTitle } from './ScreenTitle.tsx'
import { Facts, Mark } from './Simulation.tsx'
import { money, schemeName, timeInWords } from './words.ts'

/** What the payer does with a code. */
export interface Decision {
  outcome: 'approved' | 'declined' | 'timeout'
  /** Null keeps the amount of the code. */
  amount: string | null
  twice: boolean
  late: boolean
  /** Seconds until the bank answers. */
  delay: number | null
}

interface Props {
  code: ScannedCode
  fault: string | null
  /** The decision that was refused, to continue from. */
  before?: Decision | undefined
  heading: Heading
  onBack: () => void
  onDecide: (decision: Decision) => void
}

const slowSeconds = 10

/** The decimals of a currency, as its code says them. */
const decimalsOf = (currency: string) => new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2

const warnings: Record<string, string> = {
  completed: 'This request is already paid. A second payment is recorded as a duplicate and refunded.',
  expired: 'This request has expired. A payment made now is recorded as late and not applied.',
  canceled: 'This request was canceled. A payment made now is recorded as late and not applied.',
  failed: 'This request has failed. A payment made now is recorded as late and not applied.',
}

function warningOf({ status, expires_at, now }: ScannedCode): string | undefined {
  const warning = ownValue(warnings, status)
  if (warning) return warning
  return expires_at !== null && expires_at <= now ? 'This code has expired; a banking app may refuse it. The checkout shows a new one.' : undefined
}

/** What a banking app shows before it pays, and what the payer can do about it. */
export function ApproveCode({ code, fault, before, heading, onBack, onDecide }: Props) {
  const [amount, setAmount] = useState(before?.amount ?? code.amount ?? '')
  const [changes, setChanges] = useState(code.amount === null || (before?.amount ?? null) !== null)
  const [twice, setTwice] = useState(before?.twice ?? false)
  const [late, setLate] = useState(before?.late ?? false)
  const [slow, setSlow] = useState((before?.delay ?? null) !== null)
  const [unclear, setUnclear] = useState<string | null>(null)
  const decide = (outcome: Decision['outcome']) => {
    const read = changes ? readTypedAmount(amount, { currency: code.currency, decimals: decimalsOf(code.currency) }, 'en') : undefined
    if (read && !('amount' in read)) {
      setUnclear('choices' in read ? `Which amount: ${read.choices.map((one) => money(one, code.currency)).join(' or ')}?` : 'Enter an amount in digits.')
      return
    }
    setUnclear(null)
    onDecide({ outcome, amount: read?.amount ?? null, twice, late, delay: slow ? slowSeconds : null })
  }
  const warning = warningOf(code)
  return (
    <form
      className="approve"
      onSubmit={(event) => {
        event.preventDefault()
        decide('approved')
      }}
    >
      <ScreenTitle heading={heading}>
        Pay {code.payee} {code.amount === null ? null : <span className="amount">{money(code.amount, code.currency)}</span>}
      </ScreenTitle>
      <Mark code={code.method} name={code.method_name} />
      <Facts
        facts={[
          ['Scheme', schemeName(code.scheme) === code.method_name ? null : schemeName(code.scheme)],
          ['Reference', code.reference],
          ['Valid until', code.expires_at === null ? null : timeInWords(code.expires_at)],
        ]}
      />
      {warning ? <p className="notice">{warning}</p> : null}
      {(unclear ?? fault) === null ? null : (
        <p className="fault" role="alert">
          {unclear ?? fault}
        </p>
      )}
      <fieldset>
        <legend>What this payer does</legend>
        {code.amount === null ? null : (
          <Option checked={changes} onChange={setChanges}>
            {code.editable_amount ? 'Changes the amount' : 'Pays a different amount'}
          </Option>
        )}
        {changes ? (
          <label className="field">
            Amount in {code.currency.toUpperCase()}
            <input type="text" inputMode="decimal" required autoComplete="off" value={amount} onInput={({ currentTarget }) => setAmount(currentTarget.value)} />
          </label>
        ) : null}
        <Option checked={twice} onChange={setTwice}>
          Pays twice
        </Option>
        {code.deadline === null ? null : (
          <Option checked={late} onChange={setLate}>
            Pays too late: the bank sends it after the deadline
          </Option>
        )}
        <Option checked={slow} onChange={setSlow}>
          The bank answers after {slowSeconds} seconds
        </Option>
      </fieldset>
      <button type="submit" className="button main">
        Approve
      </button>
      <div className="pair">
        <button type="button" className="button danger" onClick={() => decide('declined')}>
          Decline
        </button>
        <button type="button" className="button quiet" onClick={() => decide('timeout')}>
          Never answer
        </button>
      </div>
      <button type="button" className="button quiet" onClick={onBack}>
        Back
      </button>
    </form>
  )
}

function Option({ checked, onChange, children }: { checked: boolean; onChange: (checked: boolean) => void; children: ReactNode }) {
  return (
    <label className="option">
      <input type="checkbox" checked={checked} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
      <span>{children}</span>
    </label>
  )
}
