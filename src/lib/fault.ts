/**
 * Every failure the outside world can cause has a code, once, here. The API maps code → HTTP status, the CLI
 * code → exit status, the journal stores the code. A bug is not in this table: it is a plain Error.
 */
export const FAULTS = {
  INVALID: { http: 400, text: "the request is not valid" },
  NO_ROOM: { http: 400, text: "no host has room" },
  NOT_FOUND: { http: 404, text: "no such thing" },
  CONFLICT: { http: 409, text: "in conflict with what is there" },
  UNAUTHENTICATED: { http: 401, text: "who asks is not known" },
  TOO_MANY_ATTEMPTS: { http: 429, text: "too many attempts" },
  ADMIN_ONLY: { http: 401, text: "needs administrator rights" },
  FORBIDDEN: { http: 403, text: "this may not be done" },
  NO_SUCH_TASK: { http: 404, text: "nothing that can be done with it" },
  NO_SUCH_METHOD: { http: 405, text: "not what can be done with it" },
  NOT_ALLOWED: { http: 405, text: "not possible in this state" },
  NOT_ACCEPTABLE: { http: 406, text: "not in a form that is wanted" },
  PRECONDITION: { http: 412, text: "it is in another state than the request was made for" },
  TOO_LARGE: { http: 413, text: "more than is taken" },
  MEDIA_TYPE: { http: 415, text: "not in a form that is understood" },
  NOT_SUPPORTED: { http: 422, text: "understood, and nothing that can be done here" },
  RANGE: { http: 416, text: "there are no such bytes" },
  CALLBACK_REFUSED: { http: 422, text: "the callback does not answer as a receiver does" },
  CONFIG: { http: 500, text: "the configuration is not valid" },
  DESCRIPTOR: { http: 400, text: "the descriptor is not valid" },
  HOST_UNREACHABLE: { http: 503, text: "the host does not answer" },
  HOST_REFUSED: { http: 502, text: "the hypervisor refused the request" },
  OVSDB_REFUSED: { http: 502, text: "the switch database refused the request" },
  SWITCH_NOT_CONNECTED: { http: 503, text: "the switch has no OpenFlow session" },
  SWITCH_REFUSED: { http: 502, text: "the switch answered with an OpenFlow error" },
  CONTROLLER_UNREACHABLE: { http: 503, text: "the SDN controller did not answer" },
  CONTROLLER_REFUSED: { http: 502, text: "the SDN controller refused the request" },
  STALE_EPOCH: { http: 409, text: "a newer leader has taken over" },
  VIM_UNREACHABLE: { http: 503, text: "the VIM did not answer" },
  VIM_REFUSED: { http: 502, text: "the VIM refused the request" },
  TIMEOUT: { http: 504, text: "no answer in time" },
  STORE_REFUSED: { http: 503, text: "the store takes nothing now" },
  STORE_NEWER: { http: 500, text: "the store was written by a newer program" },
  ALREADY_RUNNING: { http: 409, text: "it is already running" },
  STOPPED: { http: 503, text: "stopped before its end" },
  MISSING_PART: { http: 500, text: "something this machine needs is missing" },
  COMMAND_FAILED: { http: 500, text: "a command of this machine failed" },
} as const satisfies Record<string, { http: number; text: string }>;

export type FaultCode = keyof typeof FAULTS;

/** An outside failure: its code, a sentence for people, and the facts it is about. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  /** The sentence alone, without that of the code. */
  readonly detail: string;
  readonly about: Readonly<Record<string, string | number>>;

  constructor(code: FaultCode, detail: string, about: Record<string, string | number> = {}, options?: ErrorOptions) {
    super(`${FAULTS[code].text}: ${detail}`, options);
    this.code = code;
    this.detail = detail;
    this.about = about;
  }
}
