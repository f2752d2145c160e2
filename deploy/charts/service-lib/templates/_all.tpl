{{/* All that a service is on a cluster. What global.service says replaces the same of the chart: for an umbrella over several. */}}
{{- define "service.all" -}}
{{- $alike := (.Values.global | default dict).service | default dict }}
{{- if not (hasKey .Values "issuer") }}
{{- /* No service, only something beside them: it is told where things are, not how many of it there are. */}}
{{- $alike = pick $alike "kafka" "networkPolicy" "metrics" "imagePullSecrets" "nodeSelector" "tolerations" }}
{{- end }}
{{- $_ := mergeOverwrite .Values (deepCopy $alike) }}
{{- include "service.complaints" . }}
{{- $parts := list "serviceaccount" "settings" "deployment" "service" "disruption" }}
{{- with .Values }}
{{- $scaled := (.autoscaling | default dict).by }}
{{- if eq $scaled "cpu" }}{{ $parts = append $parts "cpu" }}{{ end }}
{{- if eq $scaled "lag" }}{{ $parts = append $parts "lag" }}{{ end }}
{{- if .networkPolicy.enabled }}{{ $parts = append $parts "network" }}{{ end }}
{{- if .metrics.serviceMonitor.enabled }}{{ $parts = append $parts "monitor" }}{{ end }}
{{- $exposed := (.expose | default dict).by }}
{{- if eq $exposed "ingress" }}{{ $parts = append $parts "ingress" }}{{ end }}
{{- if eq $exposed "httproute" }}{{ $parts = append $parts "httproute" }}{{ end }}
{{- end }}
{{- range $parts }}
---
{{ include (printf "service.%s" .) $ | trim }}
{{- end }}
{{- end }}
