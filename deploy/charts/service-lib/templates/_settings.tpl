{{/* The service's settings: docs/operations.md says what each means. What is secret is named by file, never written here. */}}

{{- define "service.settings.structured" -}}
{{- with .Values.issuer }}
OIDC_ISSUER: {{ .url | quote }}
OIDC_AUDIENCE: {{ .audience | quote }}
{{- end }}
{{- with .Values.shutdown }}
SHUTDOWN_DELAY_SECONDS: {{ .delaySeconds | quote }}
SHUTDOWN_GRACE_SECONDS: {{ .graceSeconds | quote }}
{{- end }}
{{- with .Values.kafka }}
KAFKA_BOOTSTRAP_SERVERS: {{ .bootstrapServers | quote }}
KAFKA_SECURITY_PROTOCOL: {{ .securityProtocol }}
KAFKA_REPLICATION_FACTOR: {{ .replicationFactor | quote }}
CREATE_TOPICS: {{ .createTopics | quote }}
{{- if hasPrefix "SASL_" .securityProtocol }}
KAFKA_SASL_MECHANISM: {{ .saslMechanism }}
KAFKA_USERNAME: {{ .username | quote }}
KAFKA_PASSWORD_FILE: /secrets/kafka/password
{{- end }}
{{- if hasSuffix "SSL" .securityProtocol }}
{{- if .ca.secret }}
KAFKA_TLS_CA_PATH: /secrets/kafka/ca.crt
{{- end }}
{{- if .certificate.secret }}
KAFKA_TLS_CERTIFICATE_PATH: /secrets/kafka/tls.crt
KAFKA_TLS_KEY_PATH: /secrets/kafka/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.mongodb }}
{{- if .uri }}
MONGODB_URI: {{ .uri | quote }}
{{- else }}
MONGODB_URI_FILE: /secrets/mongodb/uri
{{- end }}
{{- with .database }}
MONGODB_DATABASE: {{ . | quote }}
{{- end }}
{{- if .username }}
MONGODB_USERNAME: {{ .username | quote }}
MONGODB_PASSWORD_FILE: /secrets/mongodb/password
MONGODB_AUTH_SOURCE: {{ .authSource | quote }}
{{- end }}
{{- if .tls }}
MONGODB_TLS: "true"
{{- if .ca.secret }}
MONGODB_TLS_CA_PATH: /secrets/mongodb/ca.crt
{{- end }}
{{- if .certificate.secret }}
MONGODB_TLS_CERTIFICATE_PATH: /secrets/mongodb/tls.pem
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "service.settings.data" -}}
{{ include "service.settings.structured" . }}
{{- range $name, $value := .Values.config }}
{{ $name }}: {{ include "service.plain" $value | quote }}
{{- end }}
{{- range $name, $_ := .Values.secrets }}
{{ $name }}_FILE: /secrets/own/{{ $name }}
{{- end }}
{{- end }}

{{- define "service.settings" -}}
{{ include "service.head" (dict "of" . "kind" "ConfigMap" "version" "v1") }}
data: {{- include "service.settings.data" . | trim | nindent 2 }}
{{- end }}

{{/* Where the files that the settings name come from. */}}
{{- define "service.secrets.sources" -}}
{{- with .Values.kafka }}
{{- if hasPrefix "SASL_" .securityProtocol }}
- secret: {name: {{ .passwordSecret.name }}, items: [{key: {{ .passwordSecret.key }}, path: kafka/password}]}
{{- end }}
{{- if hasSuffix "SSL" .securityProtocol }}
{{- with .ca }}{{ if .secret }}
- secret: {name: {{ .secret }}, items: [{key: {{ .key }}, path: kafka/ca.crt}]}
{{- end }}{{ end }}
{{- with .certificate }}{{ if .secret }}
- secret: {name: {{ .secret }}, items: [{key: {{ .certificateKey }}, path: kafka/tls.crt}, {key: {{ .keyKey }}, path: kafka/tls.key}]}
{{- end }}{{ end }}
{{- end }}
{{- end }}
{{- with .Values.mongodb }}
{{- if not .uri }}
- secret: {name: {{ .uriSecret.name }}, items: [{key: {{ .uriSecret.key }}, path: mongodb/uri}]}
{{- end }}
{{- if .username }}
- secret: {name: {{ .passwordSecret.name }}, items: [{key: {{ .passwordSecret.key }}, path: mongodb/password}]}
{{- end }}
{{- if .tls }}
{{- with .ca }}{{ if .secret }}
- secret: {name: {{ .secret }}, items: [{key: {{ .key }}, path: mongodb/ca.crt}]}
{{- end }}{{ end }}
{{- with .certificate }}{{ if .secret }}
- secret: {name: {{ .secret }}, items: [{key: {{ .key }}, path: mongodb/tls.pem}]}
{{- end }}{{ end }}
{{- end }}
{{- end }}
{{- range $name, $from := .Values.secrets }}
- secret: {name: {{ $from.secret }}, items: [{key: {{ $from.key }}, path: own/{{ $name }}}]}
{{- end }}
{{- end }}
