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
    {{- range list $net.kafka $net.mongodb $net.issuer }}
    {{- if . }}
    - to: {{- toYaml .to | nindent 8 }}
      ports: {{- include "service.ports" .ports | trim | nindent 8 }}
    {{- end }}
    {{- end }}
    {{- with $net.internet }}{{ if .ports }}
    # Whoever is outside, and nobody inside: an address that a stranger gave us must not reach our own network.
    - to:
        - ipBlock: {cidr: 0.0.0.0/0, except: {{ toJson .exceptIPv4 }}}
        - ipBlock: {cidr: "::/0", except: {{ toJson .exceptIPv6 }}}
      ports: {{- include "service.ports" .ports | trim | nindent 8 }}
    {{- end }}{{ end }}
    {{- with $net.moreEgress }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

{{- define "service.ports" -}}
{{- range . }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- end }}
