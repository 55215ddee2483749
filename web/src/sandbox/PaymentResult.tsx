import { useEffect, useState } from 'react'
import type { PhonePayment } from './data.ts'
import { readPayment } from './phone-calls.ts'
import { type Heading, ScreenTitle } from './ScreenTitle.tsx'
import { money, outcomeInWords } from './words.ts'

const pollMs = 1500
const polls = 60

/** Whether Hawker will still change a payment by itself: learn the bank's answer, or refund a duplicate. */
const isOpen = ({ status, unapplied_reason }: PhonePayment) => status === 'pending' || (status === 'succeeded' && unapplied_reason === 'duplicate')

/** Polls payments until nothing more happens. */
function useLatest(payments: PhonePayment[]): PhonePayment[] {
  const [latest, setLatest] = useState(payments)
  const [polled, setPolled] = useState(0)
  useEffect(() => {
    if (polled >= polls || !latest.some(isOpen)) return
    const ask = async () => {
      setLatest(await Promise.all(latest.map((one) => (isOpen(one) ? readPayment(one).catch(() => one) : one))))
      setPolled(polled + 1)
    }
    const timer = setTimeout(() => void ask(), pollMs)
    return () => clearTimeout(timer)
  }, [latest, polled])
  return latest
}

/** What Hawker did with them. */
export function PaymentResult({ payments, heading, onBack }: { payments: PhonePayment[]; heading: Heading; onBack: () => void }) {
  const latest = useLatest(payments)
  return (
    <div className="result">
      <ScreenTitle heading={heading}>{latest.length > 1 ? 'Results of both payments' : 'Result'}</ScreenTitle>
      <div aria-live="polite">
        {latest.map((payment) => {
          const { tone, title, text } = outcomeInWords(payment)
          return (
            <section className={`outcome ${tone}`} key={payment.payment_id}>
              <h3>
                {title} <span className="amount">{money(payment.amount, payment.currency)}</span>
              </h3>
              <p>{text}</p>
            </section>
          )
        })}
      </div>
      <button type="button" className="button main" onClick={onBack}>
        Scan another code
      </button>
    </div>
  )
}
