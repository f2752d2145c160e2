{{/* Who the service is, and how it is found. */}}

{{- define "service.serviceaccount" -}}
{{ include "service.head" (dict "of" . "kind" "ServiceAccount" "version" "v1") }}
automountServiceAccountToken: false
{{- end }}

{{- define "service.service" -}}
{{ include "service.head" (dict "of" . "kind" "Service" "version" "v1") }}
spec:
  type: ClusterIP
  selector: {{- include "service.selector" . | nindent 4 }}
  ports:
    - {name: http, port: {{ .Values.service.port }}, targetPort: http, protocol: TCP, appProtocol: http}
{{- end }}

{{- define "service.monitor" -}}
{{- $metrics := .Values.metrics.serviceMonitor }}
{{ include "service.head" (dict "of" . "kind" "ServiceMonitor" "version" "monitoring.coreos.com/v1") }}
    {{- with $metrics.labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  selector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
  endpoints:
    - port: http
      path: /metrics
      interval: {{ $metrics.interval }}
      scrapeTimeout: {{ $metrics.timeout }}
      # As deploy/prometheus/prometheus.yaml calls them, whatever the release is called.
      relabelings:
        - {action: replace, targetLabel: job, replacement: {{ $metrics.job | default "shanhuo" }}}
        - {action: replace, targetLabel: service, replacement: {{ .Chart.Name }}}
{{- end }}

{{/* Only what the contracts name is for people outside: neither /metrics nor /health. */}}
{{- define "service.ingress" -}}
{{- $name := include "service.name" . }}
{{ include "service.head" (dict "of" . "kind" "Ingress" "version" "networking.k8s.io/v1") }}
  {{- with .Values.expose.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.expose.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .Values.expose.tlsSecret }}
  tls:
    - secretName: {{ . }}
      hosts: {{- toYaml $.Values.expose.hosts | nindent 8 }}
  {{- end }}
  rules:
    {{- range $host := .Values.expose.hosts }}
    - host: {{ $host | quote }}
      http:
        paths:
          {{- range concat $.Values.expose.paths $.Values.expose.morePaths }}
          - path: {{ . }}
            pathType: Prefix
            backend: {service: {name: {{ $name }}, port: {name: http}}}
          {{- end }}
    {{- end }}
{{- end }}

{{- define "service.httproute" -}}
{{- $name := include "service.name" . }}
{{ include "service.head" (dict "of" . "kind" "HTTPRoute" "version" "gateway.networking.k8s.io/v1") }}
  {{- with .Values.expose.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs: {{- toYaml .Values.expose.gateways | nindent 4 }}
  hostnames: {{- toYaml .Values.expose.hosts | nindent 4 }}
  rules:
    {{- range chunk 8 (concat .Values.expose.paths .Values.expose.morePaths) }}
    - matches:
        {{- range . }}
        - path: {type: PathPrefix, value: {{ . }}}
        {{- end }}
      backendRefs:
        - {name: {{ $name }}, port: {{ $.Values.service.port }}}
    {{- end }}
{{- end }}
