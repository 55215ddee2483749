interface Detector {
  detect(picture: ImageBitmapSource): Promise<{ rawValue: string }[]>
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector
  getSupportedFormats(): Promise<string[]>
}

/** Photos of phones are larger than a code needs; the decoder's time grows with their size. */
const largestSide = 2000
/** Sizes at which a picture is examined: a code may be too fine or too coarse for one of them. */
const scales = [1, 0.5, 2]
/** How long one size is examined; the decoder's own limit is that of a camera's frame. */
const patience = { effort: 4, timeLimit: 1500 }
/** Codes that fill their picture have no light border, without which they are not found. */
const border = 32

async function byBrowser(picture: ImageBitmapSource): Promise<string | undefined> {
  const { BarcodeDetector } = globalThis as { BarcodeDetector?: DetectorClass }
  try {
    if (!BarcodeDetector || !(await BarcodeDetector.getSupportedFormats()).includes('qr_code')) return undefined
    const [found] = await new BarcodeDetector({ formats: ['qr_code'] }).detect(picture)
    return found?.rawValue
  } catch {
    return undefined
  }
}

async function loadPicture(file: Blob): Promise<{ picture: CanvasImageSource & ImageBitmapSource; width: number; height: number }> {
  try {
    const picture = await createImageBitmap(file)
    return { picture, width: picture.width, height: picture.height }
  } catch {
    // Drawings (SVG) have no pixels of their own; as an image they get some.
    const address = await new Promise<string>((resolve, reject) => {
      const reader = new FileReader()
      reader.onload = () => resolve(String(reader.result))
      reader.onerror = () => reject(reader.error)
      reader.readAsDataURL(file)
    })
    const image = new Image()
    image.src = address
    await image.decode()
    return { picture: image, width: image.naturalWidth || 600, height: image.naturalHeight || 600 }
  }
}

/** The content of the QR code in a picture; undefined if none is found. Throws for a file that is not a picture. */
export async function readPicture(file: Blob): Promise<string | undefined> {
  const { picture, width, height } = await loadPicture(file)
  const known = await byBrowser(picture)
  if (known !== undefined) return known
  // Loaded with the first picture that the browser cannot read by itself.
  const { decodeQR } = await import('qr/decode.js')
  const fit = Math.min(1, largestSide / Math.max(width, height))
  for (const scale of scales) {
    const canvas = document.createElement('canvas')
    const [across, down] = [Math.round(width * fit * scale), Math.round(height * fit * scale)]
    canvas.width = across + 2 * border
    canvas.height = down + 2 * border
    const context = canvas.getContext('2d', { willReadFrequently: true })
    if (!context) return undefined
    context.fillStyle = '#fff'
    context.fillRect(0, 0, canvas.width, canvas.height)
    context.drawImage(picture, border, border, across, down)
    try {
      return decodeQR(context.getImageData(0, 0, canvas.width, canvas.height), patience)
    } catch {
      // Not found at this size.
    }
  }
  return undefined
}
