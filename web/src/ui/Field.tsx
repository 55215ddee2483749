import { type ChangeEvent, type InputHTMLAttributes, type ReactNode, type RefObject, useLayoutEffect, useRef } from 'react'
import { AlertIcon } from './icons.tsx'
import { onceReleased } from './once-released.ts'
import { useTexts } from './texts.tsx'

export interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  id: string
  label: string
  hint?: string | undefined
  /** The error; the field is then marked as invalid. */
  error?: string | null | undefined
  /** What looks wrong but may be right. */
  warning?: string | null | undefined
  optional?: boolean
  /** Shown at the end of the field, such as a card's brand. */
  badge?: ReactNode
  /** Shown at its start, such as a currency. */
  prefix?: string
  inputRef?: RefObject<HTMLInputElement | null>
}

/** A labelled text field; its hint and its error are read out with it. */
export function Field({
  id,
  label,
  hint,
  error,
  warning,
  optional = false,
  badge,
  prefix,
  inputRef,
  className,
  value,
  onChange,
  onBlur,
  ...input
}: FieldProps) {
  const { t } = useTexts()
  const shown = useTypedValue(value, onChange, inputRef)
  const described = [error || warning ? `${id}-error` : '', hint ? `${id}-hint` : ''].filter(Boolean).join(' ')
  return (
    <div className={`field ${className ?? ''}`}>
      <label htmlFor={id}>
        {label} {optional && <span className="field-optional">({t('page.optional')})</span>}
      </label>
      <div className="field-box">
        {prefix && (
          <span className="field-prefix" aria-hidden="true">
            {prefix}
          </span>
        )}
        <input
          {...input}
          {...shown}
          onBlur={onBlur && ((event) => onceReleased(() => onBlur(event)))}
          id={id}
          aria-invalid={error ? true : undefined}
          aria-describedby={described || undefined}
        />
        {badge && <span className="field-badge">{badge}</span>}
      </div>
      {(error || warning) && (
        <p className={error ? 'field-error' : 'field-warning'} id={`${id}-error`}>
          <AlertIcon />
          <span>{error || warning}</span>
        </p>
      )}
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

/**
 * The value of a field that the page follows and does not own: a password manager may set it without an event, and then
 * the next rendering, such as that of a new state, must not empty it. The page sets it when its own value changes, and after each event.
 */
function useTypedValue(value: FieldProps['value'], onChange: FieldProps['onChange'], given: FieldProps['inputRef']) {
  const own = useRef<HTMLInputElement>(null)
  const ref = given ?? own
  const first = useRef(value)
  const set = useRef(value)
  const heard = useRef<string | null>(null)
  useLayoutEffect(() => {
    const field = ref.current
    if (!field || value === undefined || (value === set.current && field.value !== heard.current)) return
    set.current = value
    if (field.value !== value) field.value = String(value)
    heard.current = field.value
  })
  if (value === undefined) return { ref, ...(onChange ? { onChange } : {}) }
  const hear = (event: ChangeEvent<HTMLInputElement>) => {
    heard.current = event.target.value
    onChange?.(event)
    // A handler may have formatted it.
    heard.current = event.target.value
  }
  return { ref, defaultValue: first.current, onChange: hear }
}
