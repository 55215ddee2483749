import { useRef, useState } from 'react'
import { decimalMark, isWholeCurrency, typedFrom } from '../shared/money.ts'
import { readTypedAmount, type TypedAmount } from '../shared/typed-amount.ts'
import { Field } from '../ui/Field.tsx'
import { useTexts } from '../ui/texts.tsx'

/** An example amount that shows how to enter one. */
function exampleAmount(decimals: number, language: string): string {
  return decimals > 0 ? `10${decimalMark(language)}${'0'.repeat(decimals - 1)}5` : '10000'
}

interface Asked {
  currency: string
  decimals: number
  /** What the field starts with: what was typed before, or an amount in plain digits. */
  typed?: string | undefined
  amount?: string | null | undefined
  /** Shows at once what is wrong with it, because the server has rejected it. */
  isRejected?: boolean
  /** An error of the server's that the text does not explain. */
  error?: string | undefined
}

/** An amount that the payer enters. It shows how it understood the text, and asks where that could mean two amounts. */
export function useAmount({ currency, decimals, typed: before, amount: start, isRejected = false, error }: Asked) {
  const { t, language, money } = useTexts()
  const [typed, setTyped] = useState(before ?? (start ? typedFrom(start, language) : ''))
  const [isChecked, setChecked] = useState(isRejected)
  const [isTouched, setTouched] = useState(false)
  const ref = useRef<HTMLInputElement>(null)
  // A password manager or a late script may have left something else in the field than the page last heard.
  const readNow = (): TypedAmount => readTypedAmount(ref.current?.value ?? typed, { currency, decimals }, language)
  const read = readTypedAmount(typed, { currency, decimals }, language)
  const set = (text: string) => {
    setTyped(text)
    setTouched(true)
    setChecked(false)
  }
  const fault = 'fault' in read ? read.fault : undefined
  const wrong = fault && t(fault, { example: exampleAmount(isWholeCurrency({ currency, decimals }) ? 0 : decimals, language) })
  return {
    /** Plain decimal text in major units; null as long as there is no amount, or several. */
    amount: 'amount' in read ? read.amount : null,
    isWrong: isChecked && !('amount' in read),
    /** The amount, or null after the field was marked and focused. */
    require(): string | null {
      const now = readNow()
      setTyped(ref.current?.value ?? typed)
      if ('amount' in now) return now.amount
      setChecked(true)
      ref.current?.focus()
      return null
    },
    field: (label: string, about: { name?: string; required?: boolean; autoFocus?: boolean; autoComplete?: string } = {}) => (
      <div>
        <Field
          {...about}
          id="amount"
          className="field-amount"
          label={label}
          prefix={currency.toUpperCase()}
          inputMode={decimals > 0 ? 'decimal' : 'numeric'}
          maxLength={64}
          inputRef={ref}
          value={typed}
          onChange={(event) => set(event.target.value)}
          onBlur={() => setChecked(typed.trim() !== '')}
          error={isChecked && 'choices' in read ? t('amount.which') : (isChecked && wrong) || (isTouched ? undefined : error)}
        />
        <p className="amount-read" role="status">
          {'amount' in read ? t('amount.understood', { amount: money(read.amount) }) : ''}
        </p>
        {'choices' in read && (
          <fieldset className="amount-choices" aria-label={t('amount.which')}>
            {read.choices.map((choice) => (
              <button
                key={choice}
                type="submit"
                className="button"
                name={about.name && 'exact_amount'}
                value={choice}
                onClick={(event) => {
                  event.preventDefault()
                  set(typedFrom(choice, language))
                  ref.current?.focus()
                }}
              >
                {money(choice)}
              </button>
            ))}
          </fieldset>
        )}
      </div>
    ),
  }
}
