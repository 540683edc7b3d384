import type { Route } from "./route.ts";
import { OPENVIM_ROUTES } from "./routes-openvim.ts";
import { OUR_ROUTES } from "./routes-ours.ts";

/** Everything that answers with a value; the event stream and the document of all this stand beside it (`serve.ts`). */
export const ROUTES: readonly Route[] = [...OPENVIM_ROUTES, ...OUR_ROUTES];
