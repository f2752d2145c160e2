{{/* Nothing in, nothing out, but what the contracts say: events by Kafka, its own database, the issuer's keys. Services never call one another. */}}
{{- define "service.network" -}}
{{- $net := .Values.networkPolicy }}
{{ include "service.head" (dict "of" . "kind" "NetworkPolicy" "version" "networking.k8s.io/v1" "suffix" "deny-all") }}
spec:
  podSelector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
---
{{ include "service.head" (dict "of" . "kind" "NetworkPolicy" "version" "networking.k8s.io/v1" "suffix" "allowed") }}
spec:
  podSelector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- with concat $net.callers $net.prometheus }}
    - from: {{- toYaml . | nindent 8 }}
      ports: [{port: http, protocol: TCP}]
    {{- end }}
    {{- with $net.moreIngress }}{{ toYaml . | nindent 4 }}{{ end }}
  egress:
    - to: {{- toYaml $net.dns | nindent 8 }}
      ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    {{- range list $net.kafka $net.mongodb }}
    {{- if . }}
    - to: {{- toYaml .to | nindent 8 }}
      ports: {{- include "service.ports" .ports | trim | nindent 8 }}
    {{- end }}
    {{- end }}
    {{- if hasKey .Values "issuer" }}
    - to: {{- include "service.issuer" . | trim | nindent 8 }}
      ports: {{- include "service.ports" ($net.issuer.ports | default (list (include "service.issuerport" .))) | trim | nindent 8 }}
    {{- end }}
    {{- with $net.internet }}{{ if .ports }}
    - to: {{- include "service.outside" . | trim | nindent 8 }}
      ports: {{- include "service.ports" .ports | trim | nindent 8 }}
    {{- end }}{{ end }}
    {{- with $net.moreEgress }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

{{/* Whoever is outside, and nobody inside: an address that a stranger gave us must not reach our own network. */}}
{{- define "service.outside" -}}
- ipBlock: {cidr: 0.0.0.0/0, except: {{ toJson .exceptIPv4 }}}
- ipBlock: {cidr: "::/0", except: {{ toJson .exceptIPv6 }}}
{{- end }}

{{/* Where the issuer's keys are: as was said, or where issuer.url leads. Addresses outside change, so that all of them are meant. */}}
{{- define "service.issuer" -}}
{{- $host := (urlParse .Values.issuer.url).hostname }}
{{- if .Values.networkPolicy.issuer.to }}
{{ toYaml .Values.networkPolicy.issuer.to }}
{{- else if not (contains "." $host) }}
- podSelector: {matchLabels: {app.kubernetes.io/name: {{ $host }}}}
{{- else if regexMatch "^[^.]+\\.[^.]+\\.svc(\\.|$)" $host }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ index (splitList "." $host) 1 }}}}
{{- else }}
{{ include "service.outside" .Values.networkPolicy.internet }}
{{- end }}
{{- end }}

{{- define "service.issuerport" -}}
{{- $url := urlParse .Values.issuer.url }}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary 80 443 (eq $url.scheme "http")) }}
{{- end }}

{{- define "service.ports" -}}
{{- range . }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- end }}
