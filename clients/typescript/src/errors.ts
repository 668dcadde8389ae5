export interface Problem {
  detail?: string;
  code?: string;
  field?: string | null;
  requestId?: string;
  retryable?: boolean;
  details?: Record<string, unknown> | null;
}

/** A request that the API refused, a job that failed, or an API that can't be reached. */
export class StudioError extends Error {
  /** Stable, for programs; `unreachable` if no answer came. */
  readonly code: string;
  /** HTTP status; undefined if there was no answer, or for a job that failed. */
  readonly status: number | undefined;
  /** The field at fault, if there is one. */
  readonly field: string | undefined;
  /** Names the request in the logs of the API. */
  readonly requestId: string | undefined;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;

  constructor(problem: Problem, status?: number, options?: ErrorOptions) {
    super(problem.detail ?? (status === undefined ? "no answer" : `HTTP ${status}`), options);
    this.name = "StudioError";
    this.code = problem.code ?? (status === undefined ? "unreachable" : "unexpected_answer");
    this.status = status;
    this.field = problem.field ?? undefined;
    this.requestId = problem.requestId;
    this.retryable = problem.retryable ?? false;
    this.details = problem.details ?? {};
  }
}
