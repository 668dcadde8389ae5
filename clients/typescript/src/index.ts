/** Client of the AI Fashion Studio API. */
export { createStudio, type Studio, type StudioOptions, type SubscribeOptions } from "./studio.js";
export type { Filters, Item, ListPath } from "./pages.js";
export { StudioError } from "./errors.js";
export { verifyWebhook, type WebhookEvent } from "./webhooks.js";
export type { components, paths } from "./schema.js";
