export { type Prometheus, type PrometheusOptions, prometheus } from './telemetry/prometheus.js'
export { type PrometheusClusterOptions, prometheusCluster } from './telemetry/prometheus-cluster.js'
