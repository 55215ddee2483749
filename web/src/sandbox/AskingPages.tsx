import { brandName } from '../shared/card-brands.ts'
import { ownValue } from '../shared/own-value.ts'
import type { SimulatedPayment } from './data.ts'
import { Facts, Mark, Simulation } from './Simulation.tsx'
import { money, outcomeInWords } from './words.ts'

/** Why the merchant no longer expects this payment, while the payer is still being asked. */
const meanwhile: Record<string, string> = {
  completed: 'This request has been paid in the meantime. If you pay anyway, Hawker records the payment as a duplicate and refunds it.',
  expired: 'This request has expired in the meantime. If you pay anyway, Hawker records the payment as late and does not apply it.',
  canceled: 'This request has been canceled in the meantime. If you pay anyway, Hawker records the payment as late and does not apply it.',
}

function Answered({ payment }: { payment: SimulatedPayment }) {
  const { tone, title, text } = outcomeInWords({ ...payment, payment_request_status: payment.request_status })
  return (
    <section className={`outcome ${tone}`}>
      <h2>{title}</h2>
      <p>{text}</p>
      <p>This payment has already been answered; another answer changes nothing.</p>
      {payment.return_url === null ? null : (
        <a className="button" href={payment.return_url}>
          Back to the merchant
        </a>
      )}
    </section>
  )
}

function Notice({ status }: { status: string }) {
  const text = ownValue(meanwhile, status)
  return text === undefined ? null : (
    <p className="notice" role="status">
      {text}
    </p>
  )
}

function Choice({ outcome, look = 'quiet', children }: { outcome: string; look?: 'main' | 'quiet' | 'danger'; children: string }) {
  return (
    <button type="submit" name="outcome" value={outcome} className={`button ${look}`}>
      {children}
    </button>
  )
}

/** A wallet or a bank that belongs to no one: the payer approves, declines, goes back, or lets it wait. */
export function WalletPage(payment: SimulatedPayment) {
  const { business, method, amount, currency, purpose, reference, request_status, state } = payment
  return (
    <Simulation>
      <div className="card">
        <Mark {...method} />
        <h1>
          Pay {business} <span className="amount">{money(amount, currency)}</span>
        </h1>
        <Facts
          facts={[
            ['For', purpose],
            ['Reference', reference],
          ]}
        />
        {state === 'answered' ? (
          <Answered payment={payment} />
        ) : (
          <form method="post">
            <Notice status={request_status} />
            <Choice outcome="approved" look="main">
              {request_status === 'completed' || request_status === 'canceled' ? 'Pay anyway' : 'Approve'}
            </Choice>
            <Choice outcome="declined" look="danger">
              Decline
            </Choice>
            <Choice outcome="canceled">Cancel and go back</Choice>
            <fieldset>
              <legend>A slow wallet</legend>
              <Choice outcome="slow">Approve in 10 seconds</Choice>
              <Choice outcome="timeout">Never answer (time out)</Choice>
            </fieldset>
          </form>
        )}
      </div>
    </Simulation>
  )
}

/** The card's bank, which verifies that the card's owner is paying (3-D Secure). */
export function ChallengePage(payment: SimulatedPayment) {
  const { business, amount, currency, card, request_status, state } = payment
  return (
    <Simulation>
      <div className="card">
        <p className="bank">Your card’s bank</p>
        <h1>
          Are you paying {business} <span className="amount">{money(amount, currency)}</span>
        </h1>
        <Facts
          facts={[
            ['Card', card === null ? null : `${brandName(card.brand)} ending in ${card.last4}`],
            ['Checked by', '3-D Secure'],
          ]}
        />
        {state === 'answered' ? (
          <Answered payment={payment} />
        ) : (
          <form method="post">
            <Notice status={request_status} />
            <Choice outcome="approved" look="main">
              Yes, authentication passes
            </Choice>
            <Choice outcome="declined" look="danger">
              No, authentication fails
            </Choice>
            <Choice outcome="canceled">Close this window</Choice>
          </form>
        )}
      </div>
    </Simulation>
  )
}
