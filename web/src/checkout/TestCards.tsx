import type { MessageKey } from '../messages/en.ts'
import { useTexts } from '../ui/texts.tsx'
import { type CardFields, formatNumber } from './card.ts'

/** The published test numbers that are most useful. */
const testCards: readonly (readonly [number: string, what: MessageKey])[] = [
  ['4242424242424242', 'sandbox.succeeds'],
  ['5555555555554444', 'sandbox.succeeds'],
  ['4000002760003184', 'sandbox.challenge'],
  ['4000000000000002', 'sandbox.declined'],
  ['4000000000009995', 'sandbox.insufficient_funds'],
  ['4000000000000069', 'sandbox.expired_card'],
  ['4000000000000127', 'sandbox.incorrect_cvc'],
  ['4000000000000119', 'sandbox.processing_error'],
]

/** In the sandbox: cards that fill in the form. */
export function TestCards({ onChoose }: { onChoose(card: CardFields): void }) {
  const { t } = useTexts()
  const choose = (number: string) => {
    const year = String((new Date().getFullYear() + 4) % 100).padStart(2, '0')
    onChoose({ number: formatNumber(number), expiry: `12 / ${year}`, cvc: '123' })
  }
  return (
    <details className="test-cards">
      <summary>{t('sandbox.cards')}</summary>
      <p className="muted small">{t('sandbox.cards_hint')}</p>
      <ul>
        {testCards.map(([number, what]) => (
          <li key={number}>
            <button type="button" onClick={() => choose(number)}>
              <span className="digits">{formatNumber(number)}</span> <span>{t(what)}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  )
}
