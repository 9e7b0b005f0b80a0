import { AppError } from '../../core/errors.ts'
import type { Models } from './models.ts'

/** No model is configured: agents that need one say so, the others run. */
export const noModels: Models = {
  describe: () => ({ provider: 'none' }),
  forRun: () => {
    throw new AppError('unavailable', 'No model is configured.', {
      hint: 'Set PATCHBAY_MODEL_BASE_URL and PATCHBAY_MODEL to an OpenAI-compatible endpoint, or do the job with the plain tools: search_tools finds them.',
      retryable: false,
    })
  },
}
