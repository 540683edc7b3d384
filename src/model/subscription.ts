/** How a subscriber wants to be convinced that it is us who call (ETSI SOL013 8.3.4 `SubscriptionAuthentication`; a fixed bearer token is ours). */
export type CallbackAuth =
  | { readonly type: "BASIC"; readonly userName: string; readonly password: string }
  | { readonly type: "BEARER"; readonly token: string }
  | {
      readonly type: "OAUTH2_CLIENT_CREDENTIALS";
      readonly clientId: string;
      readonly clientPassword: string;
      readonly tokenEndpoint: string;
      readonly scope: string | null;
    };

/** Whom we trust as a subscriber's server, and who we are to it. PEM texts. */
export interface CallbackTls {
  /** Null: the authorities that this machine trusts. */
  readonly ca: string | null;
  /** The client certificate of a mutual TLS session (SOL013's TLS_CERT), with its key; both or neither. */
  readonly certificate: string | null;
  readonly privateKey: string | null;
}

/** Where notifications go, and with what. All but the URL is secret. */
export interface Callback {
  readonly url: string;
  readonly auth: CallbackAuth | null;
  readonly tls: CallbackTls | null;
}

/**
 * How deliveries stand. CURRENT: nothing waits. DELIVERING: something waits, and what was sent last was accepted. RETRYING: what was
 * sent last was not; it is sent again at `nextTryAt`.
 */
export type DeliveryState = "CURRENT" | "DELIVERING" | "RETRYING";

export interface DeliveryView {
  readonly state: DeliveryState;
  /** The last event that was accepted, or that the filter left out. */
  readonly cursor: number;
  /** Events that the subscriber is still to get. */
  readonly pending: number;
  /** Refused requests in a row. */
  readonly failures: number;
  readonly lastError: string | null;
  readonly lastErrorAt: string | null;
  readonly nextTryAt: string | null;
  readonly lastAcceptedAt: string | null;
}

/** A subscription as a store keeps it. */
export interface KeptSubscription {
  readonly id: string;
  /** Whose it is; null: an administrator's, who is told everything. */
  readonly tenant_id: string | null;
  readonly callback: string;
  /** What is to be told, in the words of its dialect. */
  readonly filter_json: string;
  /** What it takes to convince the subscriber that it is us; null: nothing. */
  readonly sealed: string | null;
  /** The last event that it has accepted. */
  readonly cursor: number;
  readonly created_at: string;
}

/** A subscription as it is shown: without what is secret. */
export interface ShownSubscription {
  readonly kept: KeptSubscription;
  /** How we convince the subscriber that it is us; null: not at all. */
  readonly authType: CallbackAuth["type"] | null;
  readonly delivery: DeliveryView;
}

export interface AskedSubscription {
  readonly owner: string | null;
  readonly callback: Callback;
  readonly filterJson: string;
  /** The last event that it has already; null: from now on. */
  readonly since: number | null;
}
