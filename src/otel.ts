export { type OpenTelemetryOptions, openTelemetry } from './telemetry/otel.js'
