import { useRef } from 'react'
import { type Heading, ScreenTitle } from './ScreenTitle.tsx'

interface Props {
  fault: string | null
  heading: Heading
  onText: (payload: string) => Promise<void>
  onPicture: (picture: Blob) => Promise<void>
}

/** Where a code is entered: as a picture or as text. */
export function Scanner({ fault, heading, onText, onPicture }: Props) {
  const field = useRef<HTMLTextAreaElement>(null)
  return (
    <div className="scan">
      <ScreenTitle heading={heading}>Scan to pay</ScreenTitle>
      {fault === null ? null : (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
      <label className="finder">
        <span className="corners" aria-hidden="true" />
        <span>
          <strong>Choose a picture of the code</strong>
          <br />
          or drop or paste it here
        </span>
        <input
          type="file"
          accept="image/*"
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? []
            if (file) void onPicture(file)
          }}
        />
      </label>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          const text = field.current?.value.trim()
          if (text) void onText(text)
        }}
      >
        <label htmlFor="payload">Text of the code</label>
        <textarea id="payload" ref={field} rows={3} spellCheck={false} autoComplete="off" />
        <button type="submit" className="button main">
          Read the code
        </button>
      </form>
    </div>
  )
}
